"""Places that are pixels of one view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.located import Located
from kibble.rewards.keypoints.tracks import Tracks
from kibble.rewards.types import Frames

__all__ = ["PictureLifting"]


@final
class PictureLifting:
    """Leaves pixels as they are; see :class:`kibble.rewards.keypoints.lifting.Lifting`.

    Args:
        view: The view whose pixels count.
    """

    def __init__(self, view: str) -> None:
        self._view = view

    @property
    def dimensions(self) -> int:
        """D, the numbers of a place."""
        return 2

    def roles(self, tracks: Tracks, frames: Frames, before: NDArray[np.float64]) -> Located:
        """Return what is tracked in the view."""
        return Located(
            positions=tracks.pixels[self._view].astype(np.float64),
            state=tracks.state[self._view],
            confidence=tracks.confidence[self._view],
        )

    def spot(
        self, pixels: Mapping[str, tuple[float, float]], frames: Frames, *, height: float
    ) -> NDArray[np.float64]:
        """Return the spot in the view; a height does not count in a picture."""
        if self._view not in pixels:
            raise ProposalError(
                f"Every waypoint must be marked in view {self._view!r}, in which the way is "
                f"measured, got one in {sorted(pixels)} alone; mark it there too."
            )
        return np.array(pixels[self._view], np.float64)
