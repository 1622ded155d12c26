"""Tracking by a detector that looks at every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from kibble.rewards.keypoints.detections import Detector
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.tracking.depth_consistency import hidden_by_depth, noted_depth
from kibble.rewards.keypoints.tracking.memory import (
    first_memory,
    instructions_of,
    recall,
    remember,
    tracks_of,
    views_of,
)
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracking.track import Sighting, advance
from kibble.rewards.keypoints.tracks import Tracks
from kibble.rewards.types import Frames

__all__ = ["RedetectionTracker"]


@final
class RedetectionTracker:
    """Finds every point anew in every frame; what jumps must be found there more than once.

    Args:
        detector: Finds the keypoints of an instruction in a frame.
        settings: How sceptical, how patient.
    """

    def __init__(self, detector: Detector, *, settings: TrackingSettings) -> None:
        self._detector = detector
        self._settings = settings

    @property
    def name(self) -> str:
        """Short name with its settings."""
        return f"redetection({self._settings})"

    def begin(self, instruction: str, proposal: Proposal, frames: Frames) -> dict[str, object]:
        """Start from the frames that the proposal was made on, (1, H, W, 3) uint8 per view."""
        memory = first_memory(instruction, proposal, frames)
        for view in views_of([memory], frames):
            remember([memory], view, noted_depth(recall([memory], view), frames, view))
        return memory

    def update(self, memories: Sequence[dict[str, object]], frames: Frames) -> Tracks:
        """Find the keypoints in the newest frames of N episodes, in one batch."""
        views = views_of(memories, frames)
        pictures = {view: frames[view] for view in views}
        found = self._detector.detect(instructions_of(memories), pictures)
        for view in views:
            track = recall(memories, view)
            pixels = found.pixels[view]
            hidden = hidden_by_depth(
                track, pixels, frames, view, tolerance=self._settings.depth_tolerance
            )
            sighting = Sighting(
                pixels=pixels,
                confidence=found.confidence[view],
                visible=np.where(hidden, 0, found.visible[view]).astype(np.float32),
            )
            width = frames[view].shape[2]
            track = advance(track, sighting, settings=self._settings, width=width)
            remember(memories, view, noted_depth(track, frames, view))
        return tracks_of(memories, views)
