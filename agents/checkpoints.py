"""Checkpoints that are whole or not there: written aside, checked by hash, the last two kept."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards.errors import CheckpointError

__all__ = ["load_newest", "save_checkpoint"]

_LOGGER = logging.getLogger(__name__)
_STATE = "state.pt"
_MANIFEST = "manifest.json"
_NAME = re.compile(r"step_(\d{9})")
_KEEP = 2


def save_checkpoint(root: Path, step: int, state: Mapping[str, object]) -> Path:
    """Write a checkpoint so that a kill at any moment leaves the older ones usable.

    Args:
        root: Directory of the checkpoints.
        step: Environment steps taken.
        state: Nested dicts and lists of numbers, arrays and tensors.

    Returns:
        The directory of the checkpoint.
    """
    root.mkdir(parents=True, exist_ok=True)
    for leftover in root.glob("unfinished_*"):
        shutil.rmtree(leftover)
    aside = root / f"unfinished_{step:09d}"
    aside.mkdir()
    save_tree(aside / _STATE, state)
    manifest = {"step": step, "sha256": _hash(aside / _STATE)}
    (aside / _MANIFEST).write_text(json.dumps(manifest) + "\n", encoding="utf-8")
    for path in (aside / _STATE, aside / _MANIFEST, aside):
        _sync(path)
    final = root / f"step_{step:09d}"
    if final.exists():
        shutil.rmtree(final)
    aside.rename(final)
    _sync(root)
    for old in _checkpoints(root)[:-_KEEP]:
        shutil.rmtree(old)
    return final


def load_newest(root: Path) -> dict[str, object] | None:
    """Read the newest checkpoint that is whole.

    Args:
        root: Directory of the checkpoints.

    Returns:
        Its state, or ``None`` if none was ever finished.

    Raises:
        CheckpointError: If there are some and all are damaged.
    """
    found = _checkpoints(root)
    problems: list[str] = []
    for path in reversed(found):
        try:
            return _load(path)
        except CheckpointError as error:
            problems.append(str(error))
            _LOGGER.warning("%s An older checkpoint is tried.", error)
    if problems:
        raise CheckpointError(
            f"One checkpoint in '{root}' must be whole, got {len(problems)} damaged: "
            f"{problems[0]} Restore one from a copy, or train anew in another directory."
        )
    return None


def _load(path: Path) -> dict[str, object]:
    try:
        expected = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
        actual = _hash(path / _STATE)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"Checkpoint '{path}' must hold {_STATE} and {_MANIFEST}: {error}."
        ) from error
    if actual != expected:
        raise CheckpointError(
            f"'{path / _STATE}' must have SHA-256 {expected[:12]}…, got {actual[:12]}…; "
            "the file was damaged."
        )
    return load_tree(path / _STATE)


def _checkpoints(root: Path) -> list[Path]:
    """List finished checkpoints, oldest first."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _NAME.fullmatch(path.name))


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
