"""Whether something came before a point, by the depth that a camera measures there."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracking.track import Track
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.types import Frames

__all__ = ["hidden_by_depth", "noted_depth", "surface_depth"]

_RADIUS = 1  # pixels around a point, of which the median counts


def surface_depth(
    depth_frames: NDArray[np.uint8], pixels: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Measure the surface at points of N frames.

    Args:
        depth_frames: (N, H, W, 3) uint8, packed depth.
        pixels: (N, R, 2) float32.

    Returns:
        (N, R) float32 m along the camera's axis: the median of 3 x 3 pixels, NaN where none has a
        reading or the point lies outside the picture.
    """
    count, height, width = depth_frames.shape[:3]
    depth = np.pad(
        unpack_depth(depth_frames),
        ((0, 0), (_RADIUS, _RADIUS), (_RADIUS, _RADIUS)),
        constant_values=np.nan,
    )
    within = (pixels >= 0) & (pixels < np.array([width, height]))  # (N, R, 2), NaN is outside
    inside = np.all(within, axis=-1)  # (N, R)
    cells = np.where(inside[..., None], pixels, 0).astype(np.intp)
    offsets = range(2 * _RADIUS + 1)
    near = [
        depth[np.arange(count)[:, None], cells[..., 1] + row, cells[..., 0] + column]
        for row in offsets
        for column in offsets
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)  # is what NaN says
        middle = np.nanmedian(np.stack(near), axis=0)
    return np.where(inside, middle, np.nan).astype(np.float32)


def hidden_by_depth(
    track: Track,
    pixels: NDArray[np.float32],
    frames: Frames,
    view: str,
    *,
    tolerance: float,
) -> NDArray[np.bool_]:
    """Tell before which points a surface came since they were last seen.

    A point that moves may itself come nearer, about as far as it moves across the picture. The
    gripper is left out: the surface at the point between its fingers is theirs, or what they
    hold, or the table.

    Args:
        track: The points, (N, R); its ``depth`` is of when and where they were last seen.
        pixels: (N, R, 2) float32, where they are now.
        frames: (N, H, W, 3) uint8 per view, with depth of the view or without.
        view: The view.
        tolerance: m by which the surface may come nearer.

    Returns:
        (N, R) bool; false where a depth is unknown, and everywhere without frames of depth.
    """
    if depth_view(view) not in frames:
        return np.zeros(track.state.shape, np.bool_)
    depth = surface_depth(frames[depth_view(view)], pixels)
    way = np.linalg.norm(pixels - track.seen_at, axis=-1)
    allowance = tolerance + way / frames[view].shape[2] * track.depth
    nearer = depth < track.depth - allowance  # NaN compares false
    nearer[:, ROLES.index(Role.GRIPPER)] = False
    hidden: NDArray[np.bool_] = nearer
    return hidden


def noted_depth(track: Track, frames: Frames, view: str) -> Track:
    """Return a track that remembers the depth of the points that are seen, if it is measured."""
    if depth_view(view) not in frames:
        return track
    depth = surface_depth(frames[depth_view(view)], track.pixels)
    seen = (track.state == TrackState.SEEN) & np.isfinite(depth)
    return replace(
        track,
        depth=np.where(seen, depth, track.depth).astype(np.float32),
        seen_at=np.where(seen[..., None], track.pixels, track.seen_at).astype(np.float32),
    )
