"""Where points of one frame are in the next: pyramidal Lucas-Kanade, checked there and back."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import MissingDependencyError

__all__ = ["follow", "load_opencv"]

_REFERENCE_WIDTH = 96  # pixels, of the pictures that the sizes below are for
_WINDOW = 7.0
_SPREAD = 2.0  # of the lattice of points around a keypoint
_SIDE = 3  # points along a side of the lattice
_LEAST_GOOD = 3  # of the lattice
_ROUND_TRIP = 0.5
_LEVELS = 2
_STILL = 6.0  # grey levels by which a patch may differ and still count as unchanged


def load_opencv() -> ModuleType:
    """Import OpenCV.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "Optical flow must have OpenCV, which is not installed; install the extra "
            "'keypoints', or choose tracker 'redetection'."
        ) from error
    return cv2


def follow(
    before: NDArray[np.uint8], after: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Follow points from one frame to the next.

    A lattice of points around each is followed to the next frame and back again; those that do
    not return to where they came from, within half a pixel of 96, are dropped, and the median
    step of the others moves the point. Where nothing changed around a point it stays, which also
    holds surfaces without texture.

    Args:
        before: (H, W, 3) uint8.
        after: (H, W, 3) uint8, the next frame.
        points: (P, 2) float32 pixels (u, v), the first pixel covering [0, 1) x [0, 1).

    Returns:
        (P, 2) float32 pixels in the next frame, unmoved where it failed, and (P,) bool of those
        that were followed.

    Raises:
        MissingDependencyError: If OpenCV is not installed.

    Source:
        Bouguet (2001), pyramidal Lucas-Kanade; Kalal et al. (2010), forward-backward error.
    """
    height, width = before.shape[:2]
    scale = width / _REFERENCE_WIDTH
    inside = (points >= 0).all(axis=-1) & (points < (width, height)).all(axis=-1)  # (P,)
    still = inside & _unchanged(before, after, points, radius=max(1, round(_SPREAD * scale)))
    moved = points.astype(np.float32)  # a copy
    good = still.copy()
    rest = np.flatnonzero(inside & ~still)
    if rest.size:
        moved[rest], good[rest] = _lucas_kanade(before, after, points[rest], scale)
    return moved, good


def _unchanged(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    points: NDArray[np.float32],
    radius: int,
) -> NDArray[np.bool_]:
    height, width = before.shape[:2]
    found = np.zeros(len(points), np.bool_)
    for index, (u, v) in enumerate(points):
        column = int(np.clip(u, 0, width - 1))
        row = int(np.clip(v, 0, height - 1))
        rows = slice(max(0, row - radius), row + radius + 1)
        columns = slice(max(0, column - radius), column + radius + 1)
        change = np.abs(before[rows, columns].astype(np.int16) - after[rows, columns])
        found[index] = change.max() <= _STILL
    return found


def _lucas_kanade(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    points: NDArray[np.float32],
    scale: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    cv2 = load_opencv()
    line = np.linspace(-_SPREAD, _SPREAD, _SIDE, dtype=np.float32) * np.float32(scale)
    lattice = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)  # (L, 2)
    start = (points[:, None] + lattice - 0.5).reshape(-1, 1, 2).astype(np.float32)
    window = 2 * round(_WINDOW * scale / 2 - 0.5) + 1
    options = {
        "winSize": (window, window),
        "maxLevel": _LEVELS,
        "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02),
    }
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, **options)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **options)
    trip = np.linalg.norm(back - start, axis=-1).ravel()  # (P L,)
    kept = (found.ravel() > 0) & (returned.ravel() > 0) & (trip <= _ROUND_TRIP * scale)
    steps = (there - start).reshape(len(points), len(lattice), 2)
    kept = kept.reshape(len(points), len(lattice))
    moved = points.astype(np.float32)
    good = kept.sum(axis=1) >= _LEAST_GOOD
    for index in np.flatnonzero(good):
        moved[index] += np.median(steps[index][kept[index]], axis=0)
    return moved, good
