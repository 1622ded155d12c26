"""Hops: relative progress between two frames, and the progress that they read back to."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["READINGS", "apply_hop", "backward_progress", "consistency_gate", "hop"]

FloatArray: TypeAlias = NDArray[np.float64]

READINGS = ("absolute", "incremental", "forward", "backward", "mean", "gated")
"""Ways to read progress from hops; see :class:`kibble.rewards.grm.model.GeneralRewardModel`."""

_EPSILON = 1e-6  # keeps the relative disagreement finite where both readings are 0


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


def consistency_gate(
    previous: ArrayLike,
    forward: ArrayLike,
    backward: ArrayLike,
    change: ArrayLike,
    *,
    alpha: float = 2.0,
) -> FloatArray:
    r"""Follow two readings of progress as far as they agree with each other.

    With m = (F + B) / 2, d = |B - F| / (m + eps) and w = exp(-alpha d^2) the fused progress is
    P' = P + w / 2 (m - P + D), clipped to [0, 1]: where both agree it is the mean of their mean m
    and of the previous value moved by the incremental change, P + D; where they do not it stays.

    Args:
        previous: Fused progress P of the frame before, in [0, 1], any shape.
        forward: Reading F from the start, in [0, 1], broadcast against ``previous``.
        backward: Reading B from the goal, in [0, 1].
        change: Change D of progress since the frame before by the incremental hop, in [-1, 1].
        alpha: How fast trust falls with disagreement, > 0.

    Returns:
        P' in [0, 1], float64.

    Raises:
        ValueError: If an argument lies outside its range.

    Source: Robo-Dopamine, consistency-aware fusion.

    >>> float(consistency_gate(0.4, 0.6, 0.6, 0.0))
    0.5
    >>> round(float(consistency_gate(0.4, 0.0, 1.0, 0.0)), 3)
    0.4
    """
    if not alpha > 0.0:
        raise ValueError(f"`alpha` must be greater than 0, got {alpha}.")
    p, f = _in_range("previous", previous, 0.0), _in_range("forward", forward, 0.0)
    b, d = _in_range("backward", backward, 0.0), _in_range("change", change, -1.0)
    middle = (f + b) / 2.0
    trust = np.exp(-alpha * (np.abs(b - f) / (middle + _EPSILON)) ** 2)
    return np.clip(p + trust / 2.0 * (middle - p + d), 0.0, 1.0)
