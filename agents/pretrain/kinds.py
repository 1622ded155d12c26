"""The kinds of behaviour in recorded clips: how often each is drawn, and what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARES", "draw_kind", "holds_true"]

SHARES: Mapping[str, float] = MappingProxyType(
    {
        "success": 0.20,
        "partial": 0.12,
        "regress": 0.16,
        "near_miss": 0.14,
        "wrong_object": 0.10,
        "stall": 0.07,
        "random": 0.07,
        "mixed": 0.14,
    }
)
"""Share of each kind of behaviour in training data."""


def draw_kind(rng: np.random.Generator) -> str:
    """Draw a kind of behaviour by its share."""
    return str(rng.choice(list(SHARES), p=list(SHARES.values())))


def holds_true(kind: str, progress: NDArray[np.float32], success: NDArray[np.bool_]) -> bool:
    """Say whether what happened is what the kind promises.

    Args:
        kind: One of ``BEHAVIOURS``.
        progress: (T,) towards the instructed goal.
        success: (T,) of it.
    """
    if kind == "success":
        return bool(success[-1])
    if kind in ("partial", "wrong_object"):
        return not success[-1]
    if kind == "near_miss":
        return not success.any() and bool(progress[-1] > 0.4)
    if kind == "regress":
        fallen = np.maximum.accumulate(progress) - progress  # (T,) below the best so far
        return bool(progress.max() > 0.7 and fallen.max() >= 0.3)
    return True
