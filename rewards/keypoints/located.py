"""Where every role is, in one space, and whether that is to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.types import Frames

__all__ = ["Located", "Locator", "Opened"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """Places of the R roles, in the order of ``ROLES``, in N scenes.

    Args:
        positions: (N, R, 3) float64 m in the base frame, or (N, R, 2) pixels of one view.
        state: (N, R) int8 of :class:`kibble.rewards.keypoints.tracks.TrackState`.
        confidence: (N, R) float32 in [0, 1].
    """

    positions: NDArray[np.float64]
    state: NDArray[np.int8]
    confidence: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A scene whose keypoints were proposed.

    Args:
        waypoints: The way, in order.
        places: (W, D) float64: place of each waypoint that has no anchor, NaN for the others.
        located: The roles at the start, N = 1.
        confidence: Of the proposal, in [0, 1].
        memory: What the locator remembers: plain data.
    """

    waypoints: tuple[Waypoint, ...]
    places: NDArray[np.float64]
    located: Located
    confidence: float
    memory: dict[str, object]


@runtime_checkable
class Locator(Protocol):
    """From frames to places: propose, then track and lift; or ask the simulator."""

    def open(self, instruction: str, frames: Frames) -> Opened:
        """Propose keypoints on the first frames, (1, H, W, 3) per view, and locate them.

        Raises:
            ProposalError: If there is no usable proposal.
        """
        ...

    def locate(self, memories: Sequence[dict[str, object]], frames: Frames) -> Located:
        """Locate the roles in the newest frames of N scenes, in one batch.

        Args:
            memories: N memories, changed in place.
            frames: (N, H, W, 3) uint8 RGB per view.
        """
        ...
