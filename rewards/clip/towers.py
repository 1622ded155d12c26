"""The two halves of a model that puts pictures and sentences into one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from kibble.rewards.clip.preprocessing import Preprocessing

__all__ = ["Towers"]


class Towers(Protocol):
    """What differs between the libraries that such models come from."""

    @property
    def module(self) -> nn.Module:
        """The network, both halves."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done with pictures before."""
        ...

    def see(self, pixels: Tensor) -> Tensor:
        """Place pictures.

        Args:
            pixels: (N, 3, height, width), scaled, of the network's dtype.

        Returns:
            (N, D), of any length.
        """
        ...

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Place K sentences; returns (K, D), of any length."""
        ...

    def temperature(self) -> float:
        """Return τ > 0 by which the model multiplies cosines."""
        ...
