"""Places in metres, from calibrated views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.calibration_check import CalibrationWatch
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.cameras.depth_lifting import lift_by_depth
from kibble.rewards.cameras.plane_lifting import lift_by_plane
from kibble.rewards.cameras.triangulation import triangulate
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.gripper_lifting import lift_gripper
from kibble.rewards.keypoints.located import Located
from kibble.rewards.keypoints.places import Places
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracks import Tracks, TrackState
from kibble.rewards.types import Frames

__all__ = ["METHODS", "SpaceLifting"]

METHODS: tuple[str, ...] = ("auto", "views", "depth", "plane")
"""How pixels may be lifted."""

_DISAGREE = 1 / 16  # of a picture's height: reprojection error from which views are not one point
_GUESSED = 0.5  # of the confidence that is left where a height is taken over from earlier
_GRIPPER = ROLES.index(Role.GRIPPER)


@final
class SpaceLifting:
    """Lifts pixels of calibrated views to metres in the base frame.

    - ``views``: two views or more are triangulated. Where their rays miss each other, by a
      reprojection error of more than a sixteenth of the picture's height, one of them shows
      another thing: the point is lost.
    - ``depth``: the depth frame of a view in which the point is seen. It measures surfaces, and
      knows nothing of points in free space; a gripper is placed by its fingers.
    - ``plane``: the horizontal plane at ``surface``, for all points.
    - ``auto``: views; what they do not give, by depth; what that does not give, by the plane of
      the height at which the point was last, or of the table, at half the confidence. That is for
      things; a hand that one view alone shows has no known height, and is lost.

    Where points that two views see keep missing each other, the calibration is wrong, and says so.

    Args:
        calibration: As for :func:`kibble.rewards.cameras.calibrated_views.read_cameras`.
        views: Views of pictures that are calibrated, without those of depth.
        method: One of ``METHODS``.
        surface: Height of the table in the base frame, m.

    Raises:
        ConfigError: If the method is unknown, or cannot work with these views.
    """

    def __init__(
        self,
        calibration: str,
        views: Sequence[str],
        *,
        method: str = "auto",
        surface: float = 0.0,
    ) -> None:
        if method not in METHODS:
            raise ConfigError(f"`lifting` must be one of {', '.join(METHODS)}, got {method!r}.")
        if method == "views" and len(views) < 2:
            raise ConfigError(
                f"`lifting` by views must have two views or more, got {list(views)}; add one, or "
                "lift by depth."
            )
        self._calibration = calibration
        self._views = tuple(views)
        self._method = method
        self._surface = surface
        self._sizes: dict[str, tuple[int, int]] = {}
        self._cameras: dict[str, Camera] = {}
        self._watch: CalibrationWatch | None = None

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """Cameras of the newest frames; the same mapping at all times."""
        return self._cameras

    @property
    def dimensions(self) -> int:
        """D, the numbers of a place."""
        return 3

    def roles(self, tracks: Tracks, frames: Frames, before: NDArray[np.float64]) -> Located:
        """Place the roles; see :class:`kibble.rewards.keypoints.lifting.Lifting`."""
        self._calibrate(frames)
        seen = _Seen.of(tracks, [view for view in self._views if view in tracks.pixels])
        placed = Places.nowhere(seen.known.shape[1:])
        if self._method in ("auto", "views") and len(seen.views) > 1:
            self._place_by_views(placed, seen)
        if self._method in ("auto", "depth"):
            self._place_by_depth(placed, seen, frames)
        if self._method == "plane":
            for row, view in enumerate(seen.views):
                lifted = self._on_plane(view, seen.pixels[row], self._surface)
                placed.take(lifted, seen.confidence[row], seen.state[row])
        elif self._method == "auto":
            self._place_by_height(placed, seen, before[..., 2])
        return Located(
            positions=placed.positions, state=placed.state, confidence=placed.confidence
        )

    def _place_by_views(self, placed: Places, seen: _Seen) -> None:
        in_sight = seen.known & (seen.state == TrackState.SEEN)
        if self._watch is not None and len(seen.views) == len(self._views):
            self._watch.watch(np.where(in_sight[..., None], seen.pixels, np.nan))
        sure = np.where(seen.known, seen.confidence, 1.0).min(axis=0)
        hidden: NDArray[np.bool_] = np.any(seen.known & ~in_sight, axis=0)
        placed.take(
            self._triangulated(seen.views, seen.pixels),
            sure,
            np.where(hidden, TrackState.OCCLUDED, TrackState.SEEN),
        )

    def _place_by_depth(self, placed: Places, seen: _Seen, frames: Frames) -> None:
        for row, view in enumerate(seen.views):
            if depth_view(view) not in frames:
                continue
            in_sight = seen.state[row] == TrackState.SEEN
            pixels = np.where(in_sight[..., None], seen.pixels[row], np.nan)
            lifted = self._by_depth(view, pixels, frames)
            lifted[:, _GRIPPER] = lift_gripper(
                self._cameras[view],
                pixels[:, _GRIPPER],
                unpack_depth(frames[depth_view(view)]),
                surface=self._surface,
            )
            placed.take(lifted, seen.confidence[row], seen.state[row])

    def _place_by_height(self, placed: Places, seen: _Seen, heights: NDArray[np.float64]) -> None:
        """Take heights, (N, R) m, over from before, where one view alone shows a thing."""
        heights = np.where(np.isnan(heights), self._surface, heights)
        alone = seen.known.sum(axis=0) == 1
        alone[:, _GRIPPER] = False
        for row, view in enumerate(seen.views):
            pixels = np.where(alone[..., None], seen.pixels[row], np.nan)
            lifted = self._on_plane(view, pixels, heights)
            hidden = np.full_like(seen.state[row], TrackState.OCCLUDED)
            placed.take(lifted, _GUESSED * seen.confidence[row], hidden)

    def spot(
        self, pixels: Mapping[str, tuple[float, float]], frames: Frames, *, height: float
    ) -> NDArray[np.float64]:
        """Place a spot; see :class:`kibble.rewards.keypoints.lifting.Lifting`."""
        self._calibrate(frames)
        views = [view for view in self._views if view in pixels]
        at = {view: np.array(pixels[view], np.float64) for view in views}
        found = np.full(3, np.nan)
        if self._method in ("auto", "views") and len(views) > 1:
            found = self._triangulated(views, np.stack([at[view] for view in views]))
        for view in views:
            measured = self._method in ("auto", "depth") and depth_view(view) in frames
            if np.isnan(found).any() and measured:
                found = self._by_depth(view, at[view][None, None], frames)[0, 0]
        for view in views:
            if np.isnan(found).any() and self._method in ("auto", "plane"):
                found = self._on_plane(view, at[view], self._surface)
        if np.isnan(found).any():
            raise ProposalError(
                f"A waypoint must be marked where it can be placed in space, got {dict(pixels)} "
                f"with lifting {self._method!r}; mark it in two views of {list(self._views)} on "
                "one and the same spot, or add depth."
            )
        above: NDArray[np.float64] = found + np.array([0.0, 0.0, height])
        return above

    def _triangulated(
        self, views: Sequence[str], pixels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        cameras = [self._cameras[view] for view in views]
        largest = _DISAGREE * min(camera.height for camera in cameras)
        return triangulate(cameras, pixels, largest_error=largest).positions

    def _by_depth(
        self, view: str, pixels: NDArray[np.float64], frames: Frames
    ) -> NDArray[np.float64]:
        """Lift (N, R, 2) pixels."""
        depth = unpack_depth(frames[depth_view(view)])  # (N, H, W) m
        return lift_by_depth(self._cameras[view], pixels, depth).positions

    def _on_plane(
        self, view: str, pixels: NDArray[np.float64], heights: NDArray[np.float64] | float
    ) -> NDArray[np.float64]:
        return lift_by_plane(self._cameras[view], pixels, offset=heights).positions

    def _calibrate(self, frames: Frames) -> None:
        """Read the cameras for frames of these sizes, once."""
        sizes = {
            view: (int(frames[view].shape[1]), int(frames[view].shape[2])) for view in self._views
        }
        if sizes != self._sizes:
            self._cameras.clear()
            self._cameras.update(read_cameras(self._calibration, sizes))
            self._sizes = sizes
            self._watch = CalibrationWatch(self._cameras) if len(sizes) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """Tracks of V views, one array each."""

    views: Sequence[str]
    pixels: NDArray[np.float64]  # (V, N, R, 2), NaN where not known
    state: NDArray[np.int8]  # (V, N, R)
    confidence: NDArray[np.float32]  # (V, N, R)
    known: NDArray[np.bool_]  # (V, N, R)

    @classmethod
    def of(cls, tracks: Tracks, views: Sequence[str]) -> _Seen:
        state = np.stack([tracks.state[view] for view in views])
        confidence = np.stack([tracks.confidence[view] for view in views])
        known = (state != TrackState.LOST) & (confidence > 0.0)
        pixels = np.stack([tracks.pixels[view] for view in views]).astype(np.float64)
        return cls(
            views=views,
            pixels=np.where(known[..., None], pixels, np.nan),
            state=state,
            confidence=confidence,
            known=known,
        )
