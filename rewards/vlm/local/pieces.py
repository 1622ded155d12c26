"""What a prompt is made of once a model's own marks stand around its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kibble.rewards.vlm.prompt import Picture

__all__ = ["Grid", "Kind", "Piece", "Placed", "Sight", "Special"]


Kind: TypeAlias = Literal["image", "video"]
"""Which of a model's two placeholders stands for something seen."""


@dataclass(frozen=True, slots=True)
class Special:
    """A special token by its text, such as ``<|vision_start|>``."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """What is encoded as one: a picture, or two frames of a clip, at one size.

    Args:
        key: Content, size and kind: equal keys have equal features.
        kind: Which of the model's placeholders stands for it.
        tokens: How many placeholders.
        pictures: The picture; for a clip as many frames as are encoded together.
        size: (height, width) in pixels at which they are encoded; for a model with tiles
            (least, most) number of tiles.
        timing: What its positions in time depend on besides, where they do.
    """

    key: bytes
    kind: Kind
    tokens: int
    pictures: tuple[Picture, ...]
    size: tuple[int, int]
    timing: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Patches in time, height and width of one run of placeholders, for rotary positions.

    Args:
        kind: Which placeholder.
        thw: Patches in time, height and width.
        seconds: Time between two patches in time, where positions depend on it.
    """

    kind: Kind
    thw: tuple[int, int, int]
    seconds: float = 1.0


Piece: TypeAlias = "str | Special | Sight"
"""Text without special tokens, one special token, or placeholders."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """A picture or clip as it stands in a prompt."""

    pieces: tuple[Piece, ...]
    grids: tuple[Grid, ...] = ()
