"""In which space distances along a way are measured."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.blocks import to_blocks

__all__ = ["Variant"]

_METRES = 0.02
_PICTURE_SHARE = 1 / 24  # of the picture's height: 4 pixels of 96
_SAME_BLOCK = 0.5


class Variant(str, enum.Enum):
    """What a distance is.

    =======  ====================================  ===============  =============================
    variant  distance                              tolerance        what it needs
    =======  ====================================  ===============  =============================
    metric   in space, heights included            0.02 m           calibrated cameras
    pixel    in one view; heights do not count     1/24 of a        one view; best from above
                                                   picture's height
    block    between tiles of a grid on one view   the same tile    the same
    =======  ====================================  ===============  =============================
    """

    METRIC = "metric"
    PIXEL = "pixel"
    BLOCK = "block"

    @property
    def flat(self) -> bool:
        """Whether places are those of a picture."""
        return self is not Variant.METRIC

    def tolerance(self, size: tuple[int, int] | None) -> float:
        """Return the distance that counts as reached where none is given.

        Args:
            size: (height, width) of the view, pixels; needed by ``pixel`` alone.
        """
        if self is Variant.PIXEL:
            assert size is not None
            return _PICTURE_SHARE * size[0]
        return _METRES if self is Variant.METRIC else _SAME_BLOCK

    def measured(
        self, places: NDArray[np.float64], *, size: tuple[int, int] | None, grid: int
    ) -> NDArray[np.float64]:
        """Return places in the unit of the variant.

        Args:
            places: (..., 3) m or (..., 2) pixels.
            size: (height, width) of the view, pixels; needed by ``block`` alone.
            grid: Tiles along a side, for ``block``.
        """
        if self is not Variant.BLOCK:
            return places
        assert size is not None
        return to_blocks(places, size=size, grid=grid)
