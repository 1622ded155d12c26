"""Candidate points at even distances, where nothing is known of the picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["lattice_points"]


def lattice_points(size: tuple[int, int], count: int) -> NDArray[np.float64]:
    """Spread points evenly over a picture, row after row.

    Args:
        size: (height, width) of the picture, pixels.
        count: Most points, at least 1.

    Returns:
        (M, 2) float64, (u, v) pixels, the middles of M <= count equal cells.

    Raises:
        ConfigError: If the count is below 1.

    >>> lattice_points((100, 200), 2).tolist()
    [[50.0, 50.0], [150.0, 50.0]]
    """
    if count < 1:
        raise ConfigError(f"`count` must be at least 1, got {count}.")
    height, width = size
    rows = min(count, max(1, math.floor(math.sqrt(count * height / width))))
    columns = count // rows
    u = (np.arange(columns) + 0.5) * width / columns
    v = (np.arange(rows) + 0.5) * height / rows
    grid = np.stack(np.meshgrid(u, v), axis=-1)  # (rows, columns, 2)
    return grid.reshape(-1, 2)
