"""What a tracker remembers of an episode: plain arrays, one set for every view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import cast

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.tracking.track import Track
from kibble.rewards.keypoints.tracks import Tracks, TrackState
from kibble.rewards.types import Frames

__all__ = [
    "first_memory",
    "instructions_of",
    "recall",
    "remember",
    "tracks_of",
    "view_memories",
    "views_of",
]

_VIEWS = "views"
_INSTRUCTION = "instruction"
_FIELDS = tuple(field.name for field in fields(Track))


def first_memory(instruction: str, proposal: Proposal, frames: Frames) -> dict[str, object]:
    """Make the memory of an episode whose keypoints were just proposed.

    Points that the proposal leaves out stay lost for ever. One that it names, but not in this
    view, or with confidence 0, is lost until a detector finds it.

    Args:
        instruction: What is to be done.
        proposal: The keypoints; its pixels are scaled to the frames' size.
        frames: (1, H, W, 3) uint8 per view; views of depth are not tracked in.

    Returns:
        The memory: ``instruction``, and ``views`` with one dict of arrays for every view.

    Raises:
        ConfigError: If no view of the frames is one of pictures.
    """
    pictures = [view for view in frames if not view.endswith(DEPTH_SUFFIX)]
    if not pictures:
        raise ConfigError(
            f"A tracker must be given at least one view of pictures, got {sorted(frames)}."
        )
    views = {view: _first_view(view, proposal, frames[view].shape[1:3]) for view in pictures}
    return {_INSTRUCTION: instruction, _VIEWS: views}


def _first_view(view: str, proposal: Proposal, size: tuple[int, ...]) -> dict[str, object]:
    count = len(ROLES)
    pixels = np.zeros((count, 2), np.float32)
    confidence = np.zeros(count, np.float32)
    wanted = np.zeros(count, np.bool_)
    for index, role in enumerate(ROLES):
        keypoint = proposal.keypoints.get(role)
        if keypoint is None:
            continue
        wanted[index] = True
        if view in keypoint.pixels:
            height, width = proposal.sizes[view]
            u, v = keypoint.pixels[view]
            pixels[index] = u * size[1] / width, v * size[0] / height
            confidence[index] = keypoint.confidence * proposal.confidence
    state = np.where(confidence > 0, TrackState.SEEN, TrackState.LOST).astype(np.int8)
    track = Track(
        pixels=pixels,
        state=state,
        confidence=confidence,
        misses=np.zeros(count, np.int32),
        rumour=pixels.copy(),
        agreed=np.zeros(count, np.int32),
        depth=np.full(count, np.nan, np.float32),
        seen_at=pixels.copy(),
        wanted=wanted,
    )
    return {name: getattr(track, name) for name in _FIELDS}


def instructions_of(memories: Sequence[Mapping[str, object]]) -> list[str]:
    """The N sentences that the episodes are about."""
    return [cast("str", memory[_INSTRUCTION]) for memory in memories]


def view_memories(
    memories: Sequence[Mapping[str, object]], view: str
) -> list[dict[str, NDArray[np.generic]]]:
    """The N dicts of arrays of one view; a tracker may keep arrays of its own in them."""
    of_views = [
        cast("dict[str, dict[str, NDArray[np.generic]]]", memory[_VIEWS]) for memory in memories
    ]
    return [views[view] for views in of_views]


def views_of(memories: Sequence[Mapping[str, object]], frames: Frames) -> list[str]:
    """The views that are tracked in and that the frames show.

    Raises:
        ConfigError: If there is none.
    """
    known = [set(cast("dict[str, object]", memory[_VIEWS])) for memory in memories]
    views = [view for view in frames if all(view in names for names in known)]
    if not views:
        raise ConfigError(
            f"The frames must show a view that is tracked, got {sorted(frames)}; the episodes "
            f"began with {sorted(set().union(*known))}."
        )
    return views


def recall(memories: Sequence[Mapping[str, object]], view: str) -> Track:
    """Gather the points of N episodes in one view: a track of shape (N, R)."""
    parts = view_memories(memories, view)
    stacked = {name: np.stack([part[name] for part in parts]) for name in _FIELDS}
    return Track(**stacked)


def remember(memories: Sequence[Mapping[str, object]], view: str, track: Track) -> None:
    """Write a track of shape (N, R) back into the N memories."""
    for index, part in enumerate(view_memories(memories, view)):
        for name in _FIELDS:
            part[name] = np.array(getattr(track, name)[index])


def tracks_of(memories: Sequence[Mapping[str, object]], views: Sequence[str]) -> Tracks:
    """What N memories say of some views; right after ``begin``, the proposal itself."""
    found = {view: recall(memories, view) for view in views}
    return Tracks(
        pixels={view: track.pixels for view, track in found.items()},
        state={view: track.state for view, track in found.items()},
        confidence={view: track.confidence for view, track in found.items()},
    )
