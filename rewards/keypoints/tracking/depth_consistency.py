"""Whether something came before a point, by the depth that a camera measures there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracking.track import Track
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.types import Frames

__all__ = ["hidden_by_depth", "noted_depth", "surface_depth"]

_AROUND = np.arange(-1, 2)  # pixels
_AT_REST = 0.02  # of the width


def surface_depth(
    depth_frames: NDArray[np.uint8], pixels: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Measure the nearest and the farthest surface around points of N frames.

    Args:
        depth_frames: (N, H, W, 3) uint8, packed depth.
        pixels: (N, R, 2) float32.

    Returns:
        Two times (N, R) float32 m along the camera's axis: the least and the largest reading of
        3 x 3 pixels, NaN where there is none or the point lies outside the picture.
    """
    count, height, width = depth_frames.shape[:3]
    within = (pixels >= 0) & (pixels < np.array([width, height]))  # (N, R, 2), NaN is outside
    inside = np.all(within, axis=-1)  # (N, R)
    cells = np.where(inside[..., None], pixels, 0).astype(np.intp)
    columns = np.clip(cells[..., :1] + _AROUND, 0, width - 1)  # (N, R, 3)
    rows = np.clip(cells[..., 1:] + _AROUND, 0, height - 1)
    which = np.arange(count)[:, None, None, None]
    depth = unpack_depth(depth_frames[which, rows[..., :, None], columns[..., None, :]])
    depth = np.where(inside[..., None, None], depth, np.nan)  # (N, R, 3, 3)
    return np.fmin.reduce(depth, axis=(-2, -1)), np.fmax.reduce(depth, axis=(-2, -1))


def hidden_by_depth(
    track: Track,
    pixels: NDArray[np.float32],
    frames: Frames,
    view: str,
    *,
    tolerance: float,
) -> NDArray[np.bool_]:
    """Tell before which points a surface came since they were last seen.

    That is where even the farthest surface around the point is nearer than the nearest was: an
    error of a pixel at the edge of a thing is no surface that came. A point that moves may itself
    come nearer, about as far as it moves across the picture. The gripper is left out: the surface
    at the point between its fingers is theirs, or what they hold, or the table.

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
    _, farthest = surface_depth(frames[depth_view(view)], pixels)
    way = np.linalg.norm(pixels - track.seen_at, axis=-1)
    allowance = tolerance + way / frames[view].shape[2] * track.depth
    nearer = farthest < track.depth - allowance  # NaN compares false
    nearer[:, ROLES.index(Role.GRIPPER)] = False
    hidden: NDArray[np.bool_] = nearer
    return hidden


def noted_depth(track: Track, frames: Frames, view: str) -> Track:
    """Return a track that remembers the depth of the points that are seen, if it is measured.

    Of a point at rest the largest depth counts: what comes before it by and by is not taken for
    its own surface.
    """
    if depth_view(view) not in frames:
        return track
    nearest, _ = surface_depth(frames[depth_view(view)], track.pixels)
    way = np.linalg.norm(track.pixels - track.seen_at, axis=-1)
    rests = way < _AT_REST * frames[view].shape[2]
    noted = (track.state == TrackState.SEEN) & np.isfinite(nearest)
    noted &= ~rests | ~(nearest <= track.depth)  # NaN compares false
    return replace(
        track,
        depth=np.where(noted, nearest, track.depth).astype(np.float32),
        seen_at=np.where(noted[..., None], track.pixels, track.seen_at).astype(np.float32),
    )
