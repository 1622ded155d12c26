"""Pictures in an episode's memory, as the plain arrays that go into checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from kibble.rewards.errors import FrameError
from kibble.rewards.types import Episode, Frames
from kibble.rewards.vlm.prompt import Picture

__all__ = ["frame_pictures", "recalled", "remember", "resized"]


def remember(episode: Episode, name: str, pictures: Mapping[str, Picture]) -> None:
    """Put copies of pictures, by camera, into an episode's memory under a name."""
    episode.memory[name] = {
        camera: picture.pixels.copy()  # a caller may write to its frames again
        for camera, picture in pictures.items()
    }


def recalled(episode: Episode, name: str) -> dict[str, Picture]:
    """Take pictures out of an episode's memory again, by camera.

    Raises:
        FrameError: If there are none: another model opened the episode.
    """
    arrays = episode.memory.get(name)
    if not isinstance(arrays, dict):
        raise FrameError(
            f"Every episode must hold {name!r} in its memory, got {sorted(episode.memory)}; open "
            "episodes with this model's `begin`, one model for the whole episode."
        )
    return {camera: Picture(pixels) for camera, pixels in arrays.items()}


def frame_pictures(frames: Frames, i: int = 0) -> dict[str, Picture]:
    """Return the i-th frame of each view as a picture.

    >>> sorted(frame_pictures({"front": np.zeros((1, 4, 4, 3), np.uint8)}))
    ['front']
    """
    return {view: Picture(np.ascontiguousarray(array[i])) for view, array in frames.items()}


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return a picture at (height, width) pixels, proportions not kept, by a Lanczos filter.

    >>> resized(Picture(np.zeros((4, 8, 3), np.uint8)), (6, 6)).pixels.shape
    (6, 6, 3)
    """
    height, width = size
    if picture.pixels.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture.pixels).resize((width, height), Image.Resampling.LANCZOS)
    return Picture(np.asarray(image))
