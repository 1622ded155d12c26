"""Places that one method after another fills in."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.tracks import TrackState

__all__ = ["Places"]


@final
class Places:
    """Places of roles, each by the first method that gives it.

    Args:
        positions: (N, R, 3) float64 m, NaN where unknown.
        state: (N, R) int8 of :class:`kibble.rewards.keypoints.tracks.TrackState`.
        confidence: (N, R) float32 in [0, 1].
    """

    def __init__(
        self,
        positions: NDArray[np.float64],
        state: NDArray[np.int8],
        confidence: NDArray[np.float32],
    ) -> None:
        self.positions, self.state, self.confidence = positions, state, confidence

    @classmethod
    def nowhere(cls, shape: tuple[int, ...]) -> Places:
        """Begin with (N, R) roles lost."""
        return cls(
            np.full((*shape, 3), np.nan),
            np.full(shape, TrackState.LOST, np.int8),
            np.zeros(shape, np.float32),
        )

    def take(
        self,
        positions: NDArray[np.float64],
        confidence: NDArray[np.float32],
        state: NDArray[np.integer],
    ) -> None:
        """Fill in what is known now and was not before."""
        missing: NDArray[np.bool_] = np.any(np.isnan(self.positions), axis=-1)
        new = missing & np.all(np.isfinite(positions), axis=-1)
        self.positions = np.where(np.expand_dims(new, -1), positions, self.positions)
        self.confidence = np.where(new, confidence, self.confidence).astype(np.float32)
        self.state = np.where(new, state, self.state).astype(np.int8)
