"""Names of frames by their content, so that equal frames are encoded once."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

from kibble.rewards.types import Frames

__all__ = ["FrameKey", "frame_keys"]

FrameKey: TypeAlias = bytes
"""128 bits of the views' names, sizes and pixels; equal for equal frames alone, in practice."""


def frame_keys(frames: Frames) -> list[FrameKey]:
    """Return the key of each of N frames, (N, H, W, 3) uint8 per view.

    >>> import numpy as np
    >>> two = np.stack([np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)])
    >>> keys = frame_keys({"front": two})
    >>> keys[0] == keys[1], keys == frame_keys({"front": two.copy()})
    (False, True)
    """
    count = len(next(iter(frames.values())))
    hashes = [hashlib.blake2b(digest_size=16) for _ in range(count)]
    for view, images in frames.items():
        name = f"{view}{images.shape[1:]}".encode()
        for i, content in enumerate(hashes):
            content.update(name)
            content.update(images[i].tobytes())
    return [content.digest() for content in hashes]
