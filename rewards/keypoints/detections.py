"""Where every role is in a batch of frames, read from each frame by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Frames

__all__ = ["Detections", "Detector"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections:
    """Keypoints of N frames; the R roles are in the order of ``ROLES``.

    Args:
        pixels: View to (N, R, 2) float32, (u, v) in pixels of the frames; anything where the
            confidence is 0.
        confidence: View to (N, R) float32 in [0, 1]: that the pixel is right, be the point in
            sight or inferred behind what hides it; 0 where a role is absent or cannot be told.
        visible: View to (N, R) float32 in [0, 1]: that nothing is before the point.
    """

    pixels: Mapping[str, NDArray[np.float32]]
    confidence: Mapping[str, NDArray[np.float32]]
    visible: Mapping[str, NDArray[np.float32]]


@runtime_checkable
class Detector(Protocol):
    """Finds the keypoints of an instruction in any frame of an episode."""

    def detect(self, instructions: Sequence[str], frames: Frames) -> Detections:
        """Find the keypoints of N frames in one batch.

        Args:
            instructions: N sentences.
            frames: (N, H, W, 3) uint8 RGB per view.
        """
        ...
