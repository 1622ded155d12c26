"""Reward models, potentials and shaping; needs neither gymnasium nor a simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibble.rewards.embedding import Embedder
from kibble.rewards.potential import Potential
from kibble.rewards.shaper import Shaper
from kibble.rewards.shaping import ShapingMode, shape, shaping_term
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task

if TYPE_CHECKING:
    from kibble.rewards.catalogue import known_models, open_model
    from kibble.rewards.loading import available, load

__all__ = [
    "Embedder",
    "Episode",
    "Estimate",
    "Frames",
    "ModelSpec",
    "Potential",
    "RewardModel",
    "Shaper",
    "ShapingMode",
    "Status",
    "Task",
    "available",
    "known_models",
    "load",
    "open_model",
    "shape",
    "shaping_term",
]


def __getattr__(name: str) -> object:
    """Import on first use only what needs torch (a robot's node has NumPy alone) or time."""
    if name in {"known_models", "open_model"}:
        from kibble.rewards import catalogue

        return getattr(catalogue, name)
    if name in {"available", "load"}:
        from kibble.rewards import loading

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
