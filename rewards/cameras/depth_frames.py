"""Depth as pixels, so that it travels wherever frames do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError

__all__ = ["DEPTH_SUFFIX", "LARGEST_DEPTH", "depth_view", "pack_depth", "unpack_depth"]

DEPTH_SUFFIX = "_depth"
"""What the name of a depth view has after the name of the view that it belongs to."""

_UNIT = 1e-4  # m
_WEIGHTS = np.array([65536.0, 256.0, 1.0], np.float32)
LARGEST_DEPTH = (2**24 - 1) * _UNIT
"""The largest depth that can be packed, m."""


def depth_view(view: str) -> str:
    """Return the name of the view that carries a view's depth.

    >>> depth_view("front")
    'front_depth'
    """
    return view + DEPTH_SUFFIX


def pack_depth(depth: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Pack depth into frames: 24-bit big-endian integers of 0.1 mm, 0 where there is no reading.

    Such frames must not be interpolated, compressed with loss, or shown as colours.

    Args:
        depth: (..., H, W) float m along the camera's z axis. No reading: NaN, infinite, 0 or
            less, below half a unit, or beyond ``LARGEST_DEPTH``.

    Returns:
        (..., H, W, 3) uint8.

    >>> pack_depth(np.array([[0.0001, 1.0, np.nan]]))
    array([[[ 0,  0,  1],
            [ 0, 39, 16],
            [ 0,  0,  0]]], dtype=uint8)
    """
    depth = np.asarray(depth, np.float64)
    known = (depth > 0) & (depth <= LARGEST_DEPTH)  # NaN compares false
    units = np.rint(np.where(known, depth, 0.0) / _UNIT).astype(np.uint32)
    return np.stack([units >> 16, units >> 8, units], axis=-1).astype(np.uint8)  # low byte each


def unpack_depth(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (..., H, W) float32 m of (..., H, W, 3) uint8 frames; NaN where there is no reading.

    Raises:
        FrameError: If the frames are not uint8 with three channels.

    >>> unpack_depth(np.array([[[0, 39, 16], [0, 0, 0]]], np.uint8))
    array([[ 1., nan]], dtype=float32)
    """
    if frames.dtype != np.uint8 or frames.ndim < 3 or frames.shape[-1] != 3:
        raise FrameError(
            f"Depth frames must be uint8 of shape (..., H, W, 3), got {frames.dtype} "
            f"{frames.shape}; make them with `pack_depth`."
        )
    units = frames.astype(np.float32) @ _WEIGHTS  # exact: whole numbers below 2^24
    return np.where(units > 0, units * np.float32(_UNIT), np.float32(np.nan))
