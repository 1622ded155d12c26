"""Keypoints followed through an episode, and whether they are still to be believed."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.types import Frames

__all__ = ["TrackState", "Tracker", "Tracks"]


class TrackState(enum.IntEnum):
    """What is known of a keypoint in one view."""

    SEEN = 0
    """It is where ``pixels`` says."""
    OCCLUDED = 1
    """Something is before it; ``pixels`` is where it was or is inferred to be."""
    LOST = 2
    """Nobody knows; ``pixels`` is the last known place. Also of roles that a task lacks."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks:
    """Tracked keypoints of N frames; the R roles are in the order of ``ROLES``.

    Args:
        pixels: View to (N, R, 2) float32, (u, v) pixels.
        state: View to (N, R) int8 of :class:`TrackState`.
        confidence: View to (N, R) float32 in [0, 1]; 0 where ``LOST``.
    """

    pixels: Mapping[str, NDArray[np.float32]]
    state: Mapping[str, NDArray[np.int8]]
    confidence: Mapping[str, NDArray[np.float32]]


@runtime_checkable
class Tracker(Protocol):
    """Follows the keypoints of a proposal; what it remembers is plain data of an episode."""

    @property
    def name(self) -> str:
        """Short name with its settings; a part of the reward model's version."""
        ...

    def begin(self, instruction: str, proposal: Proposal, frames: Frames) -> dict[str, object]:
        """Start from the frames that the proposal was made on, (1, H, W, 3) uint8 per view.

        Returns:
            The memory: arrays, numbers, strings and lists and dicts of them.
        """
        ...

    def update(self, memories: Sequence[dict[str, object]], frames: Frames) -> Tracks:
        """Find the keypoints in the newest frames of N episodes, in one batch.

        Args:
            memories: N memories, changed in place.
            frames: (N, H, W, 3) uint8 RGB per view.
        """
        ...
