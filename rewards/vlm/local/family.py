"""What differs between architectures: how pictures are placed, encoded and given positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import torch

from kibble.rewards.vlm.local.pieces import Grid, Kind, Placed, Sight
from kibble.rewards.vlm.prompt import Clip, Picture

__all__ = ["Bounds", "Family", "Features"]

Features: TypeAlias = "tuple[torch.Tensor, ...]"
"""What a sight is encoded to, each (tokens, D): its embeddings, then those of deeper layers."""

Bounds: TypeAlias = "tuple[int, int] | None"
"""Least and most pixels of a picture, or what the model's processor does of itself."""


class Family(Protocol):
    """One family of architectures over a model and its own processor."""

    def picture(self, picture: Picture, bounds: Bounds) -> Placed:
        """Place a picture; nothing is encoded yet."""
        ...

    def clip(self, clip: Clip, bounds: Bounds) -> Placed:
        """Place a clip; the frames that are encoded together become one sight."""
        ...

    def clip_wrapper(self) -> tuple[str, str] | None:
        """Special tokens of the chat template around a clip that are left out, if any."""
        ...

    def encode(self, sights: Sequence[Sight]) -> list[Features]:
        """Encode sights of one kind in one pass of the vision part."""
        ...

    def positions(self, ids: torch.Tensor, grids: Sequence[Grid]) -> torch.Tensor:
        """Positions of a whole prompt, (P, L) int64 for its (L,) tokens; P is 3 or 1."""
        ...

    def shaped_positions(self, positions: torch.Tensor) -> torch.Tensor:
        """Give (P, B, S) positions the shape that the model takes."""
        ...

    def encoder_outputs(self, rows: Sequence[tuple[Kind, Features]]) -> dict[str, object]:
        """Give features, in the order of their placeholders, the form that the model takes."""
        ...
