"""One step of optical flow for the points of N episodes, and the frames that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracking.likeness import likeness, patches
from kibble.rewards.keypoints.tracking.memory import view_memories
from kibble.rewards.keypoints.tracking.optical_flow import follow
from kibble.rewards.keypoints.tracking.track import Track
from kibble.rewards.keypoints.tracks import TrackState

__all__ = ["FlowStep", "flow_step", "keep_frames"]

_GRIPPER = ROLES.index(Role.GRIPPER)
_FRAME = "frame"
_PATCH = "patch"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowStep:
    """Where optical flow places the points of N episodes in one view.

    Args:
        pixels: (N, R, 2) float32; unmoved where nothing was followed.
        followed: (N, R) bool; of points that were seen alone.
        likeness: (N, R) float32 in [0, 1], of the picture around the pixels to that around the
            point when it was last seen; of the gripper, around which the picture changes, from
            0.5 on with the share of the hand that was followed.
    """

    pixels: NDArray[np.float32]
    followed: NDArray[np.bool_]
    likeness: NDArray[np.float32]


def flow_step(
    memories: Sequence[dict[str, object]],
    view: str,
    track: Track,
    frames: NDArray[np.uint8],
) -> FlowStep:
    """Follow the seen points of N episodes from their last frames to the newest.

    Args:
        memories: N memories, with what :func:`keep_frames` left there.
        view: The view.
        track: Its points, (N, R).
        frames: (N, H, W, 3) uint8.
    """
    pixels = track.pixels.copy()
    share = np.zeros(track.state.shape, np.float32)
    parts = view_memories(memories, view)
    for index, part in enumerate(parts):
        seen = np.flatnonzero(track.state[index] == TrackState.SEEN)
        before = part[_FRAME].astype(np.uint8, copy=False)
        hand = int(np.searchsorted(seen, _GRIPPER)) if _GRIPPER in seen else None
        pixels[index, seen], share[index, seen] = follow(
            before, frames[index], track.pixels[index, seen], hand=hand
        )
    known = np.stack([part[_PATCH] for part in parts]).astype(np.uint8, copy=False)
    alike = likeness(patches(frames, pixels), known)
    of_hand = share[:, _GRIPPER]
    alike[:, _GRIPPER] = np.where(of_hand > 0, 0.5 + 0.5 * of_hand, alike[:, _GRIPPER])
    return FlowStep(pixels=pixels, followed=share > 0, likeness=alike)


def keep_frames(
    memories: Sequence[dict[str, object]],
    view: str,
    track: Track,
    frames: NDArray[np.uint8],
) -> None:
    """Remember the newest frames, and how the points that are seen look in them."""
    seen = track.state == TrackState.SEEN
    now = patches(frames, track.pixels)
    for index, part in enumerate(view_memories(memories, view)):
        old = part.get(_PATCH, now[index])
        part[_FRAME] = frames[index].copy()
        part[_PATCH] = np.where(seen[index][:, None, None, None], now[index], old)
