"""Which published weights are on this machine; nothing is imported, asked for or downloaded."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["cached_weights", "hub_directory"]

_SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_KINDS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf")


def hub_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the local hub cache, as the hub's own packages find it.

    >>> hub_directory({"HF_HOME": "/data/hf"}).as_posix()
    '/data/hf/hub'
    """
    direct = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    if direct:
        return Path(direct).expanduser()
    caches = environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = environ.get("HF_HOME") or f"{caches}/huggingface"
    return Path(home).expanduser() / "hub"


def cached_weights(hub_id: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find weights in the local hub cache.

    Args:
        hub_id: ``owner/name``, or ``owner/name/folder`` for weights in a folder of theirs.
        environ: Environment variables, which may move the cache.

    Returns:
        The directory of the newest snapshot that is whole: it has a file of weights, and all
        parts where an index names several. ``None`` if there is none.
    """
    owner, _, rest = hub_id.partition("/")
    name, _, folder = rest.partition("/")
    snapshots = hub_directory(environ) / f"models--{owner}--{name}" / "snapshots"
    if not snapshots.is_dir():
        return None
    for snapshot in sorted(snapshots.iterdir(), key=lambda path: -path.stat().st_mtime):
        if _is_whole(snapshot / folder):
            return snapshot / folder
    return None


def _is_whole(directory: Path) -> bool:
    for name in _SHARDED:
        try:
            parts = set(json.loads((directory / name).read_text())["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError):
            continue
        return all((directory / part).exists() for part in parts)
    return any(path.exists() for kind in _KINDS for path in directory.glob(kind))
