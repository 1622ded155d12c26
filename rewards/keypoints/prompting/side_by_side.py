"""Several pictures in a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["side_by_side"]


def side_by_side(pictures: Sequence[NDArray[np.uint8]], *, gap: int = 8) -> NDArray[np.uint8]:
    """Put pictures beside each other, from the left, on black, their tops aligned.

    Args:
        pictures: At least one, (H, W, 3) uint8 RGB of any sizes.
        gap: Black columns between two.

    Returns:
        (max H, sum of W and gaps, 3) uint8 RGB.

    Raises:
        ConfigError: If there is no picture.

    >>> side_by_side([np.ones((2, 3, 3), np.uint8)] * 2, gap=1).shape
    (2, 7, 3)
    """
    if not pictures:
        raise ConfigError("There must be at least one picture to put beside others, got none.")
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + gap * (len(pictures) - 1)
    row = np.zeros((height, width, 3), np.uint8)
    left = 0
    for picture in pictures:
        row[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + gap
    return row
