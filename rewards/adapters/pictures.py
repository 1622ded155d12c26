"""Camera frames as pictures of a prompt."""

from __future__ import annotations

import numpy as np
from PIL import Image

from kibble.rewards.types import Frames
from kibble.rewards.vlm.prompt import Picture

__all__ = ["frame_pictures", "resized"]


def frame_pictures(frames: Frames, i: int = 0) -> dict[str, Picture]:
    """Return the i-th frame of each view as a picture.

    >>> sorted(frame_pictures({"front": np.zeros((1, 4, 4, 3), np.uint8)}))
    ['front']
    """
    return {view: Picture(array[i]) for view, array in frames.items()}


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return a picture at (height, width) pixels, proportions not kept, by a Lanczos filter.

    >>> resized(Picture(np.zeros((4, 8, 3), np.uint8)), (6, 6)).pixels.shape
    (6, 6, 3)
    """
    height, width = size
    if picture.pixels.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture.pixels).resize((width, height), Image.Resampling.LANCZOS)
    return Picture(np.array(image))  # `asarray` would give a view that cannot be written to
