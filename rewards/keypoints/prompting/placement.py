"""Places for labels beside what they name, so that they hide nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "place_labels"]

_DIRECTIONS = 24
_GAP = 2  # pixels between a label and anything else
_CROSSING = 60.0  # cost of a leader line over a mark, pixels of distance
_OVER_THING = 0.5  # cost of a leader line's pixel over a thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of whole pixels.

    Args:
        left: First column.
        top: First row.
        width: Columns, at least 1.
        height: Rows, at least 1.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column beyond it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """First row beyond it."""
        return self.top + self.height

    def overlaps(self, other: Box) -> bool:
        """Whether they share a pixel."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def nearest(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return the point of the rectangle that is nearest to another."""
        return (
            min(max(point[0], self.left), self.right - 1),
            min(max(point[1], self.top), self.bottom - 1),
        )


def place_labels(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[int, int]],
    obstacles: NDArray[np.bool_],
    *,
    mark_radius: float,
) -> list[Box | None]:
    """Find a place for each label, near its mark and on nothing.

    Labels are placed in order; each takes the cheapest of 24 directions at growing distances that
    is free, where cheap is near, with a leader line that crosses neither marks nor other labels
    and runs little over things.

    Args:
        anchors: L marks, (x, y) pixels of the canvas.
        sizes: (width, height) of each label, pixels.
        obstacles: (H, W) bool: the canvas, true where a label may not lie.
        mark_radius: Pixels around each mark that no label may cover.

    Returns:
        A box per label within the canvas, free of obstacles, of marks and of the other boxes;
        ``None`` where there is no such place.
    """
    blocked = obstacles.copy()
    for anchor in anchors:
        blocked |= _disc(blocked.shape, anchor, mark_radius)
    placed: list[Box | None] = []
    for number, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        others = [mark for i, mark in enumerate(anchors) if i != number]
        box = _best(anchor, size, blocked, obstacles, others, placed, mark_radius)
        placed.append(box)
        if box is not None:
            blocked[
                max(0, box.top - _GAP) : box.bottom + _GAP,
                max(0, box.left - _GAP) : box.right + _GAP,
            ] = True
    return placed


def _best(
    anchor: tuple[float, float],
    size: tuple[int, int],
    blocked: NDArray[np.bool_],
    things: NDArray[np.bool_],
    others: Sequence[tuple[float, float]],
    placed: Sequence[Box | None],
    mark_radius: float,
) -> Box | None:
    height, width = blocked.shape
    sums = np.zeros((height + 1, width + 1), np.int64)  # summed area table
    sums[1:, 1:] = blocked.cumsum(0).cumsum(1)
    best: Box | None = None
    least = math.inf
    furthest = round(0.6 * max(height, width))
    for distance in range(round(mark_radius) + _GAP, furthest, 3):
        if distance >= least:
            break
        for angle in range(_DIRECTIONS):
            box = _beside(anchor, size, distance, 2.0 * math.pi * angle / _DIRECTIONS)
            if box.left < 0 or box.top < 0 or box.right > width or box.bottom > height:
                continue
            covered = (
                sums[box.bottom, box.right]
                - sums[box.top, box.right]
                - sums[box.bottom, box.left]
                + sums[box.top, box.left]
            )
            if covered:
                continue
            cost = distance + _leader_cost(anchor, box, things, others, placed, mark_radius)
            if cost < least:
                best, least = box, cost
    return best


def _beside(
    anchor: tuple[float, float], size: tuple[int, int], distance: float, angle: float
) -> Box:
    """Return a label in a direction, whose nearest point is about so far from the mark."""
    along, down = math.cos(angle), math.sin(angle)
    width, height = size
    x = anchor[0] + along * (distance + width / 2) - width / 2
    y = anchor[1] + down * (distance + height / 2) - height / 2
    return Box(left=round(x), top=round(y), width=width, height=height)


def _leader_cost(
    anchor: tuple[float, float],
    box: Box,
    things: NDArray[np.bool_],
    others: Sequence[tuple[float, float]],
    placed: Sequence[Box | None],
    mark_radius: float,
) -> float:
    end = box.nearest(anchor)
    steps = max(2, math.ceil(math.dist(anchor, end)))
    line = np.linspace(anchor, end, steps)  # (S, 2)
    columns = np.clip(line[:, 0].astype(int), 0, things.shape[1] - 1)
    rows = np.clip(line[:, 1].astype(int), 0, things.shape[0] - 1)
    cost = _OVER_THING * float(things[rows, columns].sum())
    if others:
        gaps = np.linalg.norm(line[:, None] - np.array(others)[None], axis=2)  # (S, M)
        cost += _CROSSING * float((gaps.min(axis=0) < mark_radius).sum())
    for other in itertools.filterfalse(lambda one: one is None, placed):
        assert other is not None
        within = (
            (line[:, 0] >= other.left)
            & (line[:, 0] < other.right)
            & (line[:, 1] >= other.top)
            & (line[:, 1] < other.bottom)
        )
        cost += _CROSSING * float(within.any())
    return cost


def _disc(shape: tuple[int, ...], centre: tuple[float, float], radius: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside: NDArray[np.bool_] = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2
    return inside
