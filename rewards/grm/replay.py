"""Scenes of other tasks, on which an adapted network goes on answering as before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kibble.rewards.frames import check_frames
from kibble.rewards.types import Frames

__all__ = ["Replay"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """Frames of one scene and what can be asked for in it; no labels.

    Args:
        frames: (T, H, W, 3) uint8 RGB per view.
        phrasings: The sentences that mean each goal that the scene allows.

    Raises:
        FrameError: If the frames are not as above.
    """

    frames: Frames
    phrasings: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        check_frames(self.frames)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences of all goals."""
        return tuple(sentence for phrasings in self.phrasings for sentence in phrasings)

    def thinned(self, frames: int) -> Replay:
        """The same scene with at most so many frames, evenly spread."""
        count = len(next(iter(self.frames.values())))
        kept = np.unique(np.linspace(0, count - 1, min(count, frames)).round().astype(int))
        return Replay(
            frames={view: images[kept] for view, images in self.frames.items()},
            phrasings=self.phrasings,
        )
