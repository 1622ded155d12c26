"""Hops: relative progress between two frames, and the progress that they read back to."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["apply_hop", "backward_progress", "hop"]

FloatArray: TypeAlias = NDArray[np.float64]


def _in_range(name: str, values: ArrayLike, low: float) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    bad = ~((array >= low) & (array <= 1.0))
    if bad.any():
        raise ValueError(f"`{name}` must lie in [{low:g}, 1], got {array[bad].flat[0]}.")
    return array


def hop(before: ArrayLike, after: ArrayLike) -> FloatArray:
    """Relative progress from one frame to another.

    H = (q - p) / (1 - p) where q >= p, the share of what was left to do that has been done;
    H = (q - p) / p where q < p, minus the share of what had been done that is lost. Where
    nothing is left (p = q = 1) H is 0.

    Args:
        before: Progress p of the earlier frame, in [0, 1], any shape.
        after: Progress q of the later frame, in [0, 1], broadcast against ``before``.

    Returns:
        H in [-1, 1], float64.

    Raises:
        ValueError: If a progress lies outside [0, 1].

    Source: Robo-Dopamine, hop normalisation with progress 0 at the start and 1 at the goal.

    >>> float(hop(0.5, 0.75)), float(hop(0.5, 0.25)), float(hop(0.0, 0.3))
    (0.5, -0.5, 0.3)
    """
    p, q = _in_range("before", before, 0.0), _in_range("after", after, 0.0)
    scale = np.where(q >= p, 1.0 - p, p)
    return np.divide(q - p, scale, out=np.zeros(np.broadcast(p, q).shape), where=scale > 0.0)


def apply_hop(before: ArrayLike, relative: ArrayLike) -> FloatArray:
    """Progress after a hop; the inverse of :func:`hop` in its second argument.

    q = p + (1 - p) H where H >= 0, else q = p + p H.

    Args:
        before: Progress p of the earlier frame, in [0, 1], any shape.
        relative: H in [-1, 1], broadcast against ``before``.

    Returns:
        q in [0, 1], float64.

    Raises:
        ValueError: If an argument lies outside its range.

    >>> float(apply_hop(0.5, 0.5)), float(apply_hop(0.5, -0.5))
    (0.75, 0.25)
    """
    p, h = _in_range("before", before, 0.0), _in_range("relative", relative, -1.0)
    return np.clip(p + np.where(h >= 0.0, 1.0 - p, p) * h, 0.0, 1.0)


def backward_progress(relative: ArrayLike) -> FloatArray:
    """Progress from a hop that starts at the goal frame: 1 + H(goal, now), clipped to [0, 1].

    >>> float(backward_progress(-0.25))
    0.75
    """
    return np.clip(1.0 + _in_range("relative", relative, -1.0), 0.0, 1.0)
