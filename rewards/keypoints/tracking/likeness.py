"""Whether the picture around a point still looks as it did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["likeness", "patches"]

_REFERENCE_WIDTH = 96  # pixels, of the pictures in which a patch has a spacing of one
_SIDE = 5
_UNLIKE = 64.0  # grey levels of mean difference at which nothing is alike


def patches(frames: NDArray[np.uint8], pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut out what surrounds points of N frames.

    Args:
        frames: (N, H, W, 3) uint8.
        pixels: (N, R, 2) float32, finite.

    Returns:
        (N, R, 5, 5, 3) uint8: a lattice of samples, one pixel of 96 apart; the picture's edge is
        continued outwards.
    """
    count, height, width = frames.shape[:3]
    line = (np.arange(_SIDE) - _SIDE // 2) * (width / _REFERENCE_WIDTH)
    columns = np.floor(pixels[..., :1] + line).clip(0, width - 1).astype(np.intp)  # (N, R, 5)
    rows = np.floor(pixels[..., 1:] + line).clip(0, height - 1).astype(np.intp)
    which = np.arange(count)[:, None, None, None]
    cut: NDArray[np.uint8] = frames[which, rows[..., :, None], columns[..., None, :]]
    return cut


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compare patches: 1 where they are equal, 0 from a mean difference of 64 grey levels on.

    Args:
        one: (..., 5, 5, 3) uint8.
        other: As ``one``.

    Returns:
        (...) float32 in [0, 1].

    >>> dark, grey = np.zeros((5, 5, 3), np.uint8), np.full((5, 5, 3), 32, np.uint8)
    >>> float(likeness(dark, grey))
    0.5
    """
    difference = np.abs(one.astype(np.int16) - other).mean(axis=(-3, -2, -1))  # (...)
    alike: NDArray[np.float32] = np.clip(1 - difference / _UNLIKE, 0, 1).astype(np.float32)
    return alike
