"""What is put to a vision-language model: turns of text, pictures and clips, in order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError

__all__ = ["Clip", "Part", "Picture", "Prompt", "Turn"]


def _checked(pixels: NDArray[np.uint8], name: str, dimensions: int) -> None:
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.ndim != dimensions
        or pixels.shape[-1] != 3
        or 0 in pixels.shape
    ):
        raise FrameError(
            f"`{name}` must be uint8 RGB with {dimensions} axes, the last of size 3, got "
            f"{getattr(pixels, 'dtype', type(pixels).__name__)} "
            f"{getattr(pixels, 'shape', '')}; pass one camera frame as it came."
        )


def _content_key(pixels: NDArray[np.uint8]) -> bytes:
    content = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    content.update(np.ascontiguousarray(pixels).data)
    return content.digest()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Attributes:
        key: 128 bits of the content: equal keys are equal pictures, and are encoded once.

    Raises:
        FrameError: If the pixels are no such array.
    """

    pixels: NDArray[np.uint8]
    key: bytes = field(init=False)

    def __post_init__(self) -> None:
        _checked(self.pixels, "pixels", 3)
        object.__setattr__(self, "key", _content_key(self.pixels))

    @classmethod
    def known(cls, pixels: NDArray[np.uint8], key: bytes) -> Picture:
        """Make a picture again out of an episode's memory, without hashing its content again."""
        picture = object.__new__(cls)
        object.__setattr__(picture, "pixels", pixels)
        object.__setattr__(picture, "key", key)
        return picture


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A video: frames at an even rate, oldest first.

    Args:
        frames: The pictures, at least one; all of one size.
        fps: Frames per second at which they were taken.

    Raises:
        FrameError: If there is no frame, sizes differ, or the rate is not above 0.
    """

    frames: tuple[Picture, ...]
    fps: float

    def __post_init__(self) -> None:
        sizes = {frame.pixels.shape for frame in self.frames}
        if len(sizes) != 1 or not self.fps > 0.0:
            raise FrameError(
                "A clip must have frames of one size and a rate above 0, got "
                f"{len(self.frames)} frames of sizes {sorted(sizes)} at {self.fps} per second; "
                "pass at least one frame, all from one camera."
            )


Part: TypeAlias = "str | Picture | Clip"
"""Text, one picture or one clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """What one side says: parts in the order in which the model reads them."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """A conversation that the model goes on with.

    Args:
        turns: Oldest first. If the last is the assistant's, its text is the beginning of the
            answer and is continued; otherwise the model begins an answer.
        open_ended: Whether the last turn is gone on with whoever speaks in it: no end of turn, no
            header of an answer follows its last text. TOPReward reads the likelihood of a word
            that ends the user's own sentence.
        pixels: Least and most pixels of each picture and of each frame of a clip; others are
            resized, proportions kept, before the model's own processing; a model that sees in
            tiles takes as many as fit. ``None`` leaves it to the model's processor.
    """

    turns: tuple[Turn, ...]
    pixels: tuple[int, int] | None = None
    open_ended: bool = False
