"""Find room for small labels beside the points that they belong to."""

from __future__ import annotations

import itertools
import math

from kibble.agents.keypoints.markers import Pixel

__all__ = ["Box", "LabelPlaces"]

Box = tuple[float, float, float, float]
"""left, top, right, bottom, pixels."""

_ANGLES = tuple(math.radians(angle) for angle in (-45, -135, 45, 135, 0, 180, -90, 90))


class LabelPlaces:
    """Places labels one by one, each where it covers least of what is there already.

    Args:
        size: (width, height) of the picture.
        taken: Boxes that labels should stay away from.
    """

    def __init__(self, size: tuple[float, float], taken: list[Box]) -> None:
        self._size = size
        self._taken = list(taken)

    def place(self, point: Pixel, extent: tuple[float, float], distances: list[float]) -> Box:
        """Find room for one label, and take it.

        Args:
            point: What it belongs to.
            extent: Its (width, height).
            distances: From the point to the label's middle, beyond half its extent, nearest
                first.

        Returns:
            The box, inside the picture if it fits there at all.
        """
        width, height = extent
        best: tuple[float, Box] | None = None
        for rank, (distance, angle) in enumerate(itertools.product(distances, _ANGLES)):
            x = point[0] + math.cos(angle) * (distance + width / 2)
            y = point[1] + math.sin(angle) * (distance + height / 2)
            left = min(max(x - width / 2, 0.0), max(self._size[0] - width, 0.0))
            top = min(max(y - height / 2, 0.0), max(self._size[1] - height, 0.0))
            box = (left, top, left + width, top + height)
            cost = sum(_overlap(box, other) for other in self._taken)
            cost += rank * 1e-3 * width * height
            if best is None or cost < best[0]:
                best = (cost, box)
        assert best is not None
        self._taken.append(best[1])
        return best[1]


def _overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share.

    >>> _overlap((0, 0, 4, 4), (2, 3, 9, 9))
    2
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)
