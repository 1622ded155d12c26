"""Tracking by a detector that looks at every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from kibble.rewards.keypoints.detections import Detector
from kibble.rewards.keypoints.proposal import Proposal
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
        return first_memory(instruction, proposal, frames)

    def update(self, memories: Sequence[dict[str, object]], frames: Frames) -> Tracks:
        """Find the keypoints in the newest frames of N episodes, in one batch."""
        views = views_of(memories, frames)
        pictures = {view: frames[view] for view in views}
        found = self._detector.detect(instructions_of(memories), pictures)
        for view in views:
            sighting = Sighting(
                pixels=found.pixels[view],
                confidence=found.confidence[view],
                visible=found.visible[view],
            )
            track = advance(
                recall(memories, view),
                sighting,
                settings=self._settings,
                width=frames[view].shape[2],
            )
            remember(memories, view, track)
        return tracks_of(memories, views)
