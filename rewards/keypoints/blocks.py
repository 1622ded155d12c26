"""Places by the tiles of a grid over a picture, as language models name them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["to_blocks"]


def to_blocks(
    pixels: NDArray[np.floating], *, size: tuple[int, int], grid: int
) -> NDArray[np.float64]:
    """Return the column and row of the tile that each point lies in.

    Args:
        pixels: (..., 2) as (u, v), pixels; points outside count to the nearest tile.
        size: (height, width) of the picture, pixels.
        grid: Tiles along either side, at least 2.

    Returns:
        (..., 2) whole numbers from 0 to grid - 1, NaN where a point is.

    Raises:
        ConfigError: If there are fewer than two tiles along a side.

    Source:
        Distances between tiles of a grid: KAGI (Lee et al. 2024, arXiv 2407.10341).

    >>> to_blocks(np.array([[95.0, 10.0], [48.0, 200.0]]), size=(96, 96), grid=8).tolist()
    [[7.0, 0.0], [4.0, 7.0]]
    """
    if grid < 2:
        raise ConfigError(f"`grid` must be at least 2 tiles along a side, got {grid}.")
    height, width = size
    tiles = np.floor(np.asarray(pixels, np.float64) * grid / np.array([width, height]))
    return np.asarray(np.clip(tiles, 0.0, grid - 1.0))
