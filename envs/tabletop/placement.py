"""Random positions on the table that keep a distance from each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["sample_apart"]


def sample_apart(
    rng: np.random.Generator,
    *,
    low: Sequence[float],
    high: Sequence[float],
    count: int,
    gap: float,
) -> NDArray[np.float64]:
    """Draw points uniformly from a box such that all pairs are at least ``gap`` apart.

    Args:
        rng: Source of randomness.
        low: (D,) lower corner, m.
        high: (D,) upper corner, m.
        count: Number of points.
        gap: Least Euclidean distance between two points, m.

    Returns:
        (count, D) float64 points, m.

    Raises:
        RuntimeError: If ten thousand draws gave no such set: the box is too small for it.
    """
    for _ in range(10_000):
        points = rng.uniform(low, high, size=(count, len(low)))  # (count, D) m
        distances = np.linalg.norm(points[:, None] - points[None], axis=-1)  # (count, count) m
        if np.all(distances[np.triu_indices(count, 1)] >= gap):
            return points
    raise RuntimeError(
        f"`gap` must leave room for {count} points in the box, got {gap}; make it smaller."
    )
