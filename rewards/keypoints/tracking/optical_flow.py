"""Where points of one frame are in the next: pyramidal Lucas-Kanade, checked there and back."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import MissingDependencyError

__all__ = ["follow", "load_opencv"]

_REFERENCE_WIDTH = 96  # pixels, of the pictures that the sizes below are for
_WINDOW = 7
_LEVELS = 2
_ROUND_TRIP = 0.5
_LEAST_KEPT = 3  # points of a lattice
_STILL = 6  # grey levels by which a patch may differ and still count as unchanged
_STILL_RADIUS = 2
_MOVED = 0.7
_LEAST_MOVED = 0.25  # share of a lattice's points


def _lattice(radius: float, side: int, *, up: float = 0.0) -> NDArray[np.float32]:
    line = np.linspace(-radius, radius, side, dtype=np.float32)
    points = np.stack(np.meshgrid(line, line - up), axis=-1).reshape(-1, 2)
    return points.astype(np.float32)


_AROUND = _lattice(2.0, 3)
_HAND = _lattice(5.0, 5, up=4.0)
"""The hand is above the point between its finger tips, where the background shows through."""


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
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    points: NDArray[np.float32],
    *,
    hand: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Follow points from one frame to the next.

    A lattice of points around each is followed to the next frame and back again; those that do
    not return to where they came from, within half a pixel of 96, are dropped, and the median
    step of the others moves the point. Where nothing changed around a point it stays, which also
    holds surfaces without texture. The gripper's lattice lies on the hand above the finger tips,
    as an upright camera sees it, and those of its points count that move.

    Args:
        before: (H, W, 3) uint8.
        after: (H, W, 3) uint8, the next frame.
        points: (P, 2) float32 pixels (u, v), the first pixel covering [0, 1) x [0, 1).
        hand: Which of the points is the one between the finger tips, if any.

    Returns:
        (P, 2) float32 pixels in the next frame, unmoved where it failed, and (P,) float32 in
        [0, 1], the share of the lattice that counts; 0 where it failed.

    Raises:
        MissingDependencyError: If OpenCV is not installed.

    Source:
        Bouguet (2001), pyramidal Lucas-Kanade; Kalal et al. (2010), forward-backward error.
    """
    height, width = before.shape[:2]
    scale = width / _REFERENCE_WIDTH
    moved = points.astype(np.float32)  # a copy
    share = np.zeros(len(points), np.float32)
    rest = []
    for index, (u, v) in enumerate(points):
        if not (0 <= u < width and 0 <= v < height):
            continue
        if index != hand and _unchanged(before, after, int(u), int(v), scale):
            share[index] = 1.0
        else:
            rest.append(index)
    if not rest:
        return moved, share
    lattices = [_HAND if index == hand else _AROUND for index in rest]
    starts = [points[i] + np.float32(scale) * a for i, a in zip(rest, lattices, strict=True)]
    steps, kept = _there_and_back(before, after, np.concatenate(starts), scale)
    last = np.cumsum([len(lattice) for lattice in lattices])
    for index, end, lattice in zip(rest, last, lattices, strict=True):
        mine = slice(end - len(lattice), end)
        step, share[index] = _agreed(
            steps[mine], kept[mine], least=_MOVED * scale if index == hand else 0.0
        )
        moved[index] += step
    return moved, share


def _unchanged(
    before: NDArray[np.uint8], after: NDArray[np.uint8], column: int, row: int, scale: float
) -> bool:
    radius = max(1, round(_STILL_RADIUS * scale))
    rows = slice(max(0, row - radius), row + radius + 1)
    columns = slice(max(0, column - radius), column + radius + 1)
    change = np.abs(before[rows, columns].astype(np.int16) - after[rows, columns])
    return bool(change.max() <= _STILL)


def _there_and_back(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    starts: NDArray[np.float32],
    scale: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return (Q, 2) steps of single points and (Q,) whether they came back."""
    cv2 = load_opencv()
    start = (starts - 0.5).astype(np.float32)[:, None]  # OpenCV counts from the pixel's middle
    window = 2 * int(_WINDOW * scale / 2) + 1
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02)
    options = {"winSize": (window, window), "maxLevel": _LEVELS, "criteria": criteria}
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, **options)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **options)
    trip = np.linalg.norm(back - start, axis=-1).ravel()
    kept = (found.ravel() > 0) & (returned.ravel() > 0) & (trip <= _ROUND_TRIP * scale)
    return (there - start)[:, 0], kept


def _agreed(
    steps: NDArray[np.float32], kept: NDArray[np.bool_], *, least: float
) -> tuple[NDArray[np.float32], float]:
    """Return the (2,) median step of the points kept, of those that moved ``least`` if enough."""
    if kept.sum() < _LEAST_KEPT:
        return np.zeros(2, np.float32), 0.0
    moving = kept & (np.linalg.norm(steps, axis=-1) >= least)
    counted = moving if moving.sum() >= _LEAST_MOVED * len(steps) else kept
    return np.median(steps[counted], axis=0).astype(np.float32), float(kept.mean())
