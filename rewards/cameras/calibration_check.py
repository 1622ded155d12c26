"""Whether calibrations fit what their cameras show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.errors import CalibrationError
from kibble.rewards.cameras.lifted import Flaw
from kibble.rewards.cameras.triangulation import triangulate

__all__ = ["CalibrationWatch", "check_calibration"]

_TOLERANCE = 1 / 32  # of a picture's height
_FEWEST = 20


def check_calibration(
    cameras: Mapping[str, Camera],
    pixels: Mapping[str, NDArray[np.floating]],
    *,
    tolerance: float = _TOLERANCE,
    fewest: int = _FEWEST,
) -> dict[str, float]:
    """Check calibrations by points that several views show.

    The points are triangulated; how far they then fall from where each view shows them is its
    reprojection error. The median decides, so that a wrongly recognised point now and then does
    no harm. Two views notice only what moves points across their epipolar lines, and cannot tell
    which of them is wrong; three can.

    Args:
        cameras: View to camera, two views or more.
        pixels: View to (M, 2) (u, v) pixels of the same M points; NaN where it does not show one.
        tolerance: Largest median error, as a share of the picture's height.
        fewest: Points that a judgement takes; with fewer nothing is refused.

    Returns:
        View to its median reprojection error, pixels; NaN for one that shares no points.

    Raises:
        CalibrationError: If a view's median error is too large; the text names view and error.
    """
    views = list(cameras)
    seen = np.stack([np.asarray(pixels[view], np.float64) for view in views])  # (V, M, 2)
    errors = _errors([cameras[view] for view in views], seen)
    judged = np.isfinite(seen).all(axis=-1) & ~np.isnan(errors)  # (V, M)
    medians = {
        view: float(np.median(errors[row][judged[row]])) if judged[row].any() else np.nan
        for row, view in enumerate(views)
    }
    bad = [
        view
        for row, view in enumerate(views)
        if judged[row].sum() >= fewest and medians[view] > tolerance * cameras[view].height
    ]
    if bad:
        wrong = _outlier(cameras, seen, tolerance) or " or ".join(repr(view) for view in bad)
        listed = ", ".join(f"{view} {error:.3g} px" for view, error in medians.items())
        raise CalibrationError(
            f"The calibrations of the views must agree on where points are, to {tolerance:.2g} of "
            f"a picture's height; that of view {wrong} does not fit: median reprojection errors "
            f"over {int(judged.any(axis=0).sum())} points are {listed}. Calibrate it anew, and "
            "check that views are not mixed up, pictures not cropped, `base_to_camera` maps from "
            "the base to the camera, and all views mark the same points."
        )
    return medians


@final
class CalibrationWatch:
    """Checks calibrations by what comes by, again and again.

    Args:
        cameras: View to camera.
        recent: Points that are kept, and judged once that many have come: those of several
            episodes, as one in which a thing was mistaken for another is no evidence.
        every: New points after which they are judged again.
    """

    def __init__(
        self, cameras: Mapping[str, Camera], *, recent: int = 600, every: int = 60
    ) -> None:
        self._cameras = dict(cameras)
        self._recent = recent
        self._every = every
        self._seen = np.empty((len(self._cameras), 0, 2))  # (V, ≤ recent, 2) pixels
        self._new = 0
        self._found: str | None = None

    def watch(self, pixels: NDArray[np.floating]) -> None:
        """Take points in, and complain for as long as the newest judgement is bad.

        Args:
            pixels: (V, ..., 2) of the views in the order of the cameras; NaN where one does not
                show a point.

        Raises:
            CalibrationError: If a calibration does not fit; see :func:`check_calibration`.
        """
        listed = np.asarray(pixels, np.float64).reshape(len(self._cameras), -1, 2)
        shared = np.isfinite(listed).all(axis=-1).sum(axis=0) >= 2
        self._new += int(shared.sum())
        self._seen = np.concatenate([self._seen, listed[:, shared]], axis=1)[:, -self._recent :]
        if self._seen.shape[1] == self._recent and self._new >= self._every:
            self._new = 0
            self._found = None
            try:
                check_calibration(self._cameras, dict(zip(self._cameras, self._seen, strict=True)))
            except CalibrationError as error:
                self._found = str(error)
        if self._found is not None:
            raise CalibrationError(self._found)


def _errors(cameras: Sequence[Camera], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (V, M) reprojection errors, px: NaN where nothing can be said, inf if impossible."""
    lifted = triangulate(cameras, seen)
    away = np.stack([camera.project(lifted.positions) for camera in cameras]) - seen
    errors = np.linalg.norm(away, axis=-1)
    return np.where(lifted.flaw == Flaw.BEHIND, np.inf, errors)


def _outlier(
    cameras: Mapping[str, Camera], seen: NDArray[np.float64], tolerance: float
) -> str | None:
    """Return the view without which the others agree best, if they then do."""
    views = list(cameras)
    remaining = {}  # view to the error of the others, as a share of a picture's height
    for out, view in enumerate(views) if len(views) > 2 else ():
        rest = [row for row in range(len(views)) if row != out]
        errors = _errors([cameras[views[row]] for row in rest], seen[rest])
        known = errors[~np.isnan(errors)]
        if len(known):
            height = min(cameras[views[row]].height for row in rest)
            remaining[view] = float(np.median(known)) / height
    best = min(remaining, key=remaining.__getitem__, default=None)
    return repr(best) if best is not None and remaining[best] <= tolerance else None
