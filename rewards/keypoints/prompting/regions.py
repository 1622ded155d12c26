"""Things in a picture by their colour, and points on them to choose from.

Segmentation is by flood filling in CIE L*a*b* with the lightness weighed less, so that the faces
of one thing stay together; the largest regions and those that reach two sides of the picture are
the scene.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError, MissingDependencyError

__all__ = ["region_points", "segment"]

_WORKING_SIDE = 192  # pixels; larger pictures are segmented at this size
_LIGHTNESS = 0.7  # weight of L* beside a* and b*
_TOLERANCE = 7.0  # difference in the weighed L*a*b* within one region, per channel
_SMALLEST = 0.0012  # of the picture's area
_LARGEST = 0.14
_MORE = 4  # points on one thing besides its middle


def segment(frame: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Tell the things of a picture from each other and from the scene behind them.

    Args:
        frame: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) int16: 0 where the scene is, 1.. for the things: whole ones before those that the
        picture's edge cuts, larger ones first.

    Raises:
        MissingDependencyError: If OpenCV is not installed.
    """
    cv2 = _opencv()
    height, width = frame.shape[:2]
    scale = min(1.0, _WORKING_SIDE / max(height, width))
    small = frame
    if scale < 1.0:
        shape = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(frame, shape, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    lab[..., 0] *= _LIGHTNESS
    labels = _numbered(_flooded(cv2, lab))
    if scale < 1.0:
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    found: NDArray[np.int16] = labels
    return found


def region_points(labels: NDArray[np.int16], limit: int) -> NDArray[np.float64]:
    """Choose points on the things of a picture: their middles, then points far from all others.

    Things that the picture's edge cuts have their middle alone.

    Args:
        labels: (H, W) int16 of :func:`segment`.
        limit: Most points, at least 1.

    Returns:
        (M, 2) float64, (u, v) pixels, M <= limit, the middles first; each lies on a thing, and
        none within a fortieth of the picture's side of another. Empty where there is no thing.

    Raises:
        ConfigError: If the limit is below 1.

    Source:
        Middles and farthest-point samples as candidates: MOKA (Liu et al. 2024), section IV.
    """
    if limit < 1:
        raise ConfigError(f"`limit` must be at least 1, got {limit}.")
    apart = max(labels.shape) / 40.0
    chosen = [_middle(labels == number) for number in range(1, int(labels.max(initial=0)) + 1)]
    v, u = np.nonzero(labels)
    on_things = np.stack([u, v], axis=1) + 0.5  # (P, 2)
    things = labels[v, u]  # (P,)
    more = np.full(int(labels.max(initial=0)) + 1, _MORE)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    more[edge] = 0  # what the picture cuts is rarely what a task is about
    gaps = np.full(len(things), np.inf)  # (P,) to the nearest chosen point
    for point in chosen:
        gaps = np.minimum(gaps, np.linalg.norm(on_things - point, axis=1))
    while chosen and len(chosen) < limit:
        open_gaps = np.where(more[things] > 0, gaps, 0.0)
        furthest = int(open_gaps.argmax())
        if open_gaps[furthest] < 2.0 * apart:
            break
        chosen.append(on_things[furthest])
        gaps = np.minimum(gaps, np.linalg.norm(on_things - on_things[furthest], axis=1))
        more[things[furthest]] -= 1
    kept: list[NDArray[np.float64]] = []
    for point in chosen[:limit]:
        if all(np.linalg.norm(point - other) >= apart for other in kept):
            kept.append(point)
    return np.array(kept, np.float64).reshape(-1, 2)


def _flooded(cv2: Any, lab: NDArray[np.float32]) -> NDArray[np.int32]:
    """Number all regions of alike pixels from 1; small ones keep the number 0."""
    height, width = lab.shape[:2]
    labels = np.zeros((height, width), np.int32)
    seen = np.zeros((height + 2, width + 2), np.uint8)
    least = max(4, round(_SMALLEST * height * width))
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (255 << 8)
    number = 0
    for v, u in np.argwhere(np.ones((height, width), bool)):
        if seen[v + 1, u + 1]:
            continue
        before = seen == 0
        area, _, seen, _ = cv2.floodFill(
            lab, seen, (int(u), int(v)), 0, (_TOLERANCE,) * 3, (_TOLERANCE,) * 3, flags
        )
        if area >= least:
            number += 1
            labels[(before & (seen > 0))[1:-1, 1:-1]] = number
    return labels


def _numbered(regions: NDArray[np.int32]) -> NDArray[np.int16]:
    """Leave out the scene, and number things: whole ones first, by their size."""
    total = regions.size
    kept: list[tuple[int, int, NDArray[np.bool_]]] = []
    for number in range(1, int(regions.max(initial=0)) + 1):
        mask = regions == number
        sides = sum(bool(edge.any()) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
        if mask.sum() <= _LARGEST * total and sides < 2:
            kept.append((sides, -int(mask.sum()), mask))
    labels = np.zeros(regions.shape, np.int16)
    for number, (_, _, mask) in enumerate(sorted(kept, key=lambda thing: thing[:2]), start=1):
        labels[mask] = number
    return labels


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the pixel of a region that is nearest to its centre of mass."""
    v, u = np.nonzero(mask)
    points = np.stack([u, v], axis=1) + 0.5
    nearest = np.linalg.norm(points - points.mean(axis=0), axis=1).argmin()
    middle: NDArray[np.float64] = points[nearest]
    return middle


def _opencv() -> Any:
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise MissingDependencyError(
            "Marks on the things of a picture need OpenCV, which is not installed; run "
            "`pip install 'kibble[keypoints]'`, or ask for `marks=lattice`."
        ) from error
