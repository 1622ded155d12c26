"""Tracking by optical flow alone: from frame to frame, without a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.tracking.depth_consistency import hidden_by_depth, noted_depth
from kibble.rewards.keypoints.tracking.flow_step import flow_step, keep_frames
from kibble.rewards.keypoints.tracking.memory import (
    first_memory,
    recall,
    remember,
    tracks_of,
    views_of,
)
from kibble.rewards.keypoints.tracking.optical_flow import load_opencv
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracking.track import Sighting, advance
from kibble.rewards.keypoints.tracks import Tracks, TrackState
from kibble.rewards.types import Frames

__all__ = ["FlowTracker"]

_BACK = 0.8  # likeness from which a hidden point is back where it was


@final
class FlowTracker:
    """Follows every point from one frame to the next.

    What is hidden is looked for where it was last seen, by how it looked there: a thing that
    moved on while it was hidden is not found again.

    Args:
        settings: How sceptical, how patient.

    Raises:
        MissingDependencyError: If OpenCV is not installed.
    """

    def __init__(self, *, settings: TrackingSettings) -> None:
        load_opencv()
        self._settings = settings

    @property
    def name(self) -> str:
        """Short name with its settings."""
        return f"flow({self._settings})"

    def begin(self, instruction: str, proposal: Proposal, frames: Frames) -> dict[str, object]:
        """Start from the frames that the proposal was made on, (1, H, W, 3) uint8 per view."""
        memory = first_memory(instruction, proposal, frames)
        for view in views_of([memory], frames):
            track = noted_depth(recall([memory], view), frames, view)
            remember([memory], view, track)
            keep_frames([memory], view, track, frames[view])
        return memory

    def update(self, memories: Sequence[dict[str, object]], frames: Frames) -> Tracks:
        """Find the keypoints in the newest frames of N episodes, in one batch."""
        views = views_of(memories, frames)
        for view in views:
            track = recall(memories, view)
            step = flow_step(memories, view, track, frames[view])
            seen = track.state == TrackState.SEEN
            found = np.where(seen, step.followed, step.likeness >= _BACK)
            found &= ~hidden_by_depth(
                track, step.pixels, frames, view, tolerance=self._settings.depth_tolerance
            )
            sighting = Sighting(
                pixels=step.pixels,
                confidence=np.where(found, step.likeness, 0).astype(np.float32),
                visible=np.ones(found.shape, np.float32),
            )
            width = frames[view].shape[2]
            track = advance(track, sighting, settings=self._settings, width=width)
            track = noted_depth(track, frames, view)
            remember(memories, view, track)
            keep_frames(memories, view, track, frames[view])
        return tracks_of(memories, views)
