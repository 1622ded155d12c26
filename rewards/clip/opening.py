"""Open a model that puts pictures and sentences into one space, by what a user says of it."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from kibble.rewards.clip.encoder import ClipEncoder
from kibble.rewards.clip.imports import explained_imports
from kibble.rewards.clip.open_clip_towers import OpenClipTowers
from kibble.rewards.clip.towers import Towers
from kibble.rewards.clip.transformers_towers import TransformersTowers
from kibble.rewards.errors import WeightsError
from kibble.rewards.vlm.local.weight_files import locate

__all__ = ["open_encoder", "open_towers"]

_OWN_CONFIG = "open_clip_config.json"


def open_encoder(
    weights: str,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
    batch: int = 64,
    cache_mb: int = 64,
) -> ClipEncoder:
    """Open weights of ``transformers`` or of ``open_clip``.

    Args:
        weights: A directory; the hub id of weights in the local hub cache; or name and tag of
            ``open_clip``, such as ``ViT-B-32/laion2b_s34b_b79k``, which it downloads if need be.
        dtype: Dtype of the weights; float32 by default.
        device: Where it runs; the CPU by default.
        batch: Most pictures in one forward pass.
        cache_mb: Megabytes of encoded pictures that are kept.

    Returns:
        The encoder.

    Raises:
        WeightsError: If the weights are missing, damaged or of another kind.
        MissingDependencyError: If a package is missing or does not fit the others.
    """
    return ClipEncoder(
        open_towers(weights, torch.float32 if dtype is None else dtype),
        name=Path(weights).name or weights,
        device=torch.device("cpu") if device is None else device,
        batch=batch,
        cache_mb=cache_mb,
    )


def open_towers(weights: str, dtype: torch.dtype) -> Towers:
    """Open the model alone; arguments and errors as for :func:`open_encoder`."""
    name, slash, tag = weights.partition("/")
    if slash and tag and not Path(weights).is_dir():
        with explained_imports():
            import open_clip

        if name in open_clip.list_models():
            return OpenClipTowers(name, tag, dtype=dtype)
    directory = locate(weights)
    if _is_of_transformers(directory):
        return TransformersTowers(directory, dtype=dtype)
    if (directory / _OWN_CONFIG).is_file():
        return OpenClipTowers(f"local-dir:{directory}", None, dtype=dtype)
    raise WeightsError(
        f"Weights of CLIP need config.json (transformers) or {_OWN_CONFIG} (open_clip), got "
        f"neither in '{directory}'; point at the directory that holds them."
    )


def _is_of_transformers(directory: Path) -> bool:
    """Whether weights and configuration are those of transformers; some hubs hold both kinds."""
    try:
        kind = json.loads((directory / "config.json").read_text()).get("model_type")
    except (OSError, ValueError, AttributeError):
        return False
    files = [*directory.glob("model*.safetensors"), *directory.glob("pytorch_model*.bin")]
    return bool(kind and files) or not (directory / _OWN_CONFIG).is_file()
