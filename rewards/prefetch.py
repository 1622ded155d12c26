"""What a reward model may offer besides the protocol: to encode frames ahead, many at once."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kibble.rewards.types import Frames

__all__ = ["Prefetching"]


@runtime_checkable
class Prefetching(Protocol):
    """A reward model whose costly part, encoding, needs no knowledge of the episode.

    A buffer that scores late knows many frames of an episode at once, but progress may depend on
    the frames before. Such a model encodes them all in one batch; the calls of ``begin`` and
    ``estimate`` that follow, in the order of the episode, then only read what is encoded.
    """

    def prefetch(self, frames: Frames) -> None:
        """Encode N frames in one batch and keep what comes of it until the next call.

        A frame is known again by its content, so equal frames are encoded once. Nothing but the
        speed of later calls may depend on this one.

        Args:
            frames: (N, H, W, 3) uint8 RGB per view, as ``estimate`` would take them.
        """
        ...
