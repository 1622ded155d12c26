"""How much two frames of one scene differ, cheaply enough for every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Frames

__all__ = ["Thumbnails", "frame_change", "largest_change", "thumbnails"]

Thumbnails: TypeAlias = Mapping[str, NDArray[np.uint8]]
"""View name to (h, w, 3) uint8 RGB, about 32 pixels on the shorter side."""

_SIDE = 32
_BLOCK = 4  # thumbnail pixels along a side, of 32


def thumbnails(frames: Frames) -> Thumbnails:
    """Return every k-th pixel of each view of one frame, as a copy."""
    small = {}
    for view, images in frames.items():
        step = max(1, min(images.shape[1:3]) // _SIDE)
        small[view] = images[0, ::step, ::step].copy()
    return small


def frame_change(before: Thumbnails, after: Thumbnails) -> float:
    """Return how much changed: the largest over views of the mean of |after - before| / 255.

    Args:
        before: Of :func:`thumbnails`.
        after: Of the same views and sizes; what differs in that counts as changed altogether.

    Returns:
        A share in [0, 1]; 0 where nothing moved.
    """
    if before.keys() != after.keys():
        return 1.0
    changes = [0.0]
    for view, old in before.items():
        new = after[view]
        if old.shape != new.shape:
            return 1.0
        changes.append(float(np.abs(new.astype(np.int16) - old).mean()) / 255.0)
    return max(changes)


def largest_change(before: Thumbnails, after: Thumbnails) -> float:
    """Return how much changed where most did: the largest mean over blocks of |after - before|.

    A thing that stands elsewhere changes a few blocks altogether, and the mean of a frame hardly;
    a camera's noise changes every block a little.

    Args:
        before: Of :func:`thumbnails`.
        after: Of the same views and sizes; what differs in that counts as changed altogether.

    Returns:
        A share in [0, 1]; 0 where nothing moved.
    """
    if before.keys() != after.keys():
        return 1.0
    largest = 0.0
    for view, old in before.items():
        new = after[view]
        if old.shape != new.shape:
            return 1.0
        change = np.abs(new.astype(np.int16) - old).mean(axis=2)  # (h, w)
        for row in range(0, change.shape[0], _BLOCK):
            for column in range(0, change.shape[1], _BLOCK):
                block = change[row : row + _BLOCK, column : column + _BLOCK]
                largest = max(largest, float(block.mean()) / 255.0)
    return largest
