"""Channels of pixels put together as frames, a plane at a time, as NumPy is fastest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import LARGEST_DEPTH

__all__ = ["depth_frame", "grey_frame", "interleave"]

_UNITS_PER_METRE = 10_000  # of packed depth
_UNITS_PER_MILLIMETRE = 10


def interleave(
    first: NDArray[np.generic], second: NDArray[np.generic], third: NDArray[np.generic]
) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 of three (H, W) planes of whole numbers, of which low bytes stay.

    >>> interleave(*np.array([[[1]], [[2]], [[259]]])).tolist()
    [[[1, 2, 3]]]
    """
    frame = np.empty((*first.shape, 3), np.uint8)
    np.copyto(frame[..., 0], first, casting="unsafe")
    np.copyto(frame[..., 1], second, casting="unsafe")
    np.copyto(frame[..., 2], third, casting="unsafe")
    return frame


def grey_frame(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 grey of (H, W) of 16 bits: 65535 becomes 255."""
    high = values >> 8
    return interleave(high, high, high)


def depth_frame(values: NDArray[np.uint16] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pack a depth image; as :func:`kibble.rewards.cameras.depth_frames.pack_depth`, but faster.

    Args:
        values: (H, W) uint16 mm, 0 where there is no reading, or float32 m, NaN where there is
            none; of either order of bytes.

    Returns:
        (H, W, 3) uint8 packed depth.

    >>> depth_frame(np.array([[1000, 0]], np.uint16)).tolist()
    [[[0, 39, 16], [0, 0, 0]]]
    """
    if values.dtype.kind == "u":
        units = values.astype(np.uint32) * np.uint32(_UNITS_PER_MILLIMETRE)
    else:
        known = (values > 0) & (values <= LARGEST_DEPTH)  # NaN compares false
        metres = np.where(known, values, 0).astype(np.float64)
        units = np.rint(metres * _UNITS_PER_METRE).astype(np.uint32)
    return interleave(units >> 16, units >> 8, units)
