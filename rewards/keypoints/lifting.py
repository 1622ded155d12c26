"""From tracked pixels to the space in which a way is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.located import Located
from kibble.rewards.keypoints.tracks import Tracks
from kibble.rewards.types import Frames

__all__ = ["Lifting"]


class Lifting(Protocol):
    """Pixels of views to places: of the roles, and of spots that a proposal marks."""

    @property
    def dimensions(self) -> int:
        """D: 3 in space, 2 in a picture."""
        ...

    def roles(self, tracks: Tracks, frames: Frames, before: NDArray[np.float64]) -> Located:
        """Place the roles of N scenes.

        Args:
            tracks: Where they are in the views.
            frames: (N, H, W, 3) uint8 per view, depth views among them.
            before: (N, R, D) where they were last, NaN where never known.

        Raises:
            ModelError: If the cameras' calibration is found to be wrong.
        """
        ...

    def spot(
        self, pixels: Mapping[str, tuple[float, float]], frames: Frames, *, height: float
    ) -> NDArray[np.float64]:
        """Return the (D,) place of a spot of one scene and what is above it.

        Args:
            pixels: View to (u, v) pixels of the frames.
            frames: (1, H, W, 3) uint8 per view, depth views among them.
            height: Metres above the spot.

        Raises:
            ProposalError: If no view that matters shows it.
        """
        ...
