"""Tracking by optical flow that a detector corrects, and that it takes up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.detections import Detections, Detector
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.tracking.depth_consistency import hidden_by_depth, noted_depth
from kibble.rewards.keypoints.tracking.flow_step import FlowStep, flow_step, keep_frames
from kibble.rewards.keypoints.tracking.memory import (
    first_memory,
    instructions_of,
    recall,
    remember,
    tracks_of,
    views_of,
)
from kibble.rewards.keypoints.tracking.optical_flow import load_opencv
from kibble.rewards.keypoints.tracking.settings import TrackingSettings
from kibble.rewards.keypoints.tracking.track import Sighting, Track, advance, chosen
from kibble.rewards.keypoints.tracks import Tracks, TrackState
from kibble.rewards.types import Frames

__all__ = ["HybridTracker"]

_GAIN = 0.5  # of the way from flow to detection
_AGREE = 0.06  # of the width, up to which flow and detection are taken for one place
_ALIKE = 0.4  # likeness from which flow counts
_SINCE = "since"  # frames since the detector last looked


@final
class HybridTracker:
    """Lets optical flow bridge the frames between detections.

    The detector looks at every ``every``-th frame, and at once where flow loses a point that was
    seen. Where both agree, the point goes half of the way from one to the other; where they do
    not, flow carries it on with fading confidence until detections agree on another place.

    Args:
        detector: Finds the keypoints of an instruction in a frame.
        settings: How sceptical, how patient.

    Raises:
        MissingDependencyError: If OpenCV is not installed.
    """

    def __init__(self, detector: Detector, *, settings: TrackingSettings) -> None:
        load_opencv()
        self._detector = detector
        self._settings = settings

    @property
    def name(self) -> str:
        """Short name with its settings."""
        return f"hybrid({self._settings})"

    def begin(self, instruction: str, proposal: Proposal, frames: Frames) -> dict[str, object]:
        """Start from the frames that the proposal was made on, (1, H, W, 3) uint8 per view."""
        memory = first_memory(instruction, proposal, frames)
        for view in views_of([memory], frames):
            track = noted_depth(recall([memory], view), frames, view)
            remember([memory], view, track)
            keep_frames([memory], view, track, frames[view])
        memory[_SINCE] = 0
        return memory

    def update(self, memories: Sequence[dict[str, object]], frames: Frames) -> Tracks:
        """Find the keypoints in the newest frames of N episodes, in one batch."""
        views = views_of(memories, frames)
        tracks = {view: recall(memories, view) for view in views}
        steps = {
            view: self._checked(
                tracks[view], flow_step(memories, view, tracks[view], frames[view]), frames, view
            )
            for view in views
        }
        since = np.array([memory[_SINCE] for memory in memories], np.int64) + 1  # (N,)
        due = since >= self._settings.every
        for view in views:
            slipped = (tracks[view].state == TrackState.SEEN) & ~steps[view].followed
            due |= slipped.any(axis=1)
        found = self._look(memories, frames, views, due)
        for view in views:
            carried = _carried(tracks[view], steps[view])
            track = carried
            if found is not None:
                looked = self._corrected(carried, steps[view], found, frames, view)
                track = chosen(np.broadcast_to(due[:, None], looked.state.shape), looked, track)
            track = noted_depth(track, frames, view)
            remember(memories, view, track)
            keep_frames(memories, view, track, frames[view])
        for index, memory in enumerate(memories):
            memory[_SINCE] = 0 if due[index] else int(since[index])
        return tracks_of(memories, views)

    def _checked(self, track: Track, step: FlowStep, frames: Frames, view: str) -> FlowStep:
        hidden = hidden_by_depth(
            track, step.pixels, frames, view, tolerance=self._settings.depth_tolerance
        )
        return replace(step, followed=step.followed & (step.likeness >= _ALIKE) & ~hidden)

    def _look(
        self,
        memories: Sequence[dict[str, object]],
        frames: Frames,
        views: Sequence[str],
        due: NDArray[np.bool_],
    ) -> Detections | None:
        """Detect where it is due; the confidence of the other episodes is 0."""
        which = np.flatnonzero(due)
        if not which.size:
            return None
        found = self._detector.detect(
            instructions_of([memories[index] for index in which.tolist()]),
            {view: frames[view][which] for view in views},
        )
        spread = {
            name: {view: _spread(getattr(found, name)[view], due) for view in views}
            for name in ("pixels", "confidence", "visible")
        }
        return Detections(**spread)

    def _corrected(
        self, carried: Track, step: FlowStep, found: Detections, frames: Frames, view: str
    ) -> Track:
        """Take detections into account; flow carries on what they do not confirm."""
        width = frames[view].shape[2]
        pixels = found.pixels[view]
        agree = np.linalg.norm(pixels - carried.pixels, axis=-1) <= _AGREE * width
        between = carried.pixels + np.float32(_GAIN) * (pixels - carried.pixels)
        pixels = np.where((step.followed & agree)[..., None], between, pixels)
        hidden = hidden_by_depth(
            carried, pixels, frames, view, tolerance=self._settings.depth_tolerance
        )
        sighting = Sighting(
            pixels=pixels,
            confidence=found.confidence[view],
            visible=np.where(hidden, 0, found.visible[view]).astype(np.float32),
        )
        looked = advance(carried, sighting, settings=self._settings, width=width)
        faded = (carried.confidence * self._settings.fade).astype(np.float32)
        onward = replace(carried, confidence=faded, rumour=looked.rumour, agreed=looked.agreed)
        unconfirmed = step.followed & (looked.misses > 0) & (faded >= self._settings.believe)
        return chosen(unconfirmed, onward, looked)


def _carried(track: Track, step: FlowStep) -> Track:
    """Move the points that were followed; the others stay as they are."""
    return replace(track, pixels=np.where(step.followed[..., None], step.pixels, track.pixels))


def _spread(values: NDArray[np.float32], due: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Put values of the episodes that are due among N, zero elsewhere."""
    whole = np.zeros((len(due), *values.shape[1:]), np.float32)
    whole[due] = values
    return whole
