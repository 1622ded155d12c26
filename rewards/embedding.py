"""Frozen frame embeddings that a policy can learn from instead of simulator state."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Frames

__all__ = ["Embedder"]


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns frames into a fixed vector; it knows neither episode nor instruction."""

    @property
    def embedding_size(self) -> int:
        """Width D of the embedding."""
        ...

    def embed(self, frames: Frames) -> NDArray[np.float32]:
        """Embed N frames.

        Args:
            frames: (N, H, W, 3) uint8 RGB per view.

        Returns:
            (N, D) float32 in [-1, 1].

        Raises:
            FrameError: If a required view is missing or an array is not uint8 (N, H, W, 3).
        """
        ...
