"""Points in space that pixels were lifted to."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flaw", "Lifted"]


class Flaw(enum.IntEnum):
    """Why a pixel was not lifted, or is not to be trusted fully."""

    NONE = 0
    """It was lifted."""
    UNSEEN = 1
    """The pixel is NaN, outside the picture, or where the lens shows nothing."""
    NO_DEPTH = 2
    """There are too few depth readings around it."""
    EDGE = 3
    """It was lifted, but near it one surface ends before another."""
    ONE_VIEW = 4
    """Fewer than two views show it."""
    PARALLEL = 5
    """The rays of its views, or its ray and the plane, hardly meet."""
    BEHIND = 6
    """What meets, meets behind a camera."""
    APART = 7
    """The views do not agree: the reprojection error is too large."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lifted:
    """Points in the base frame.

    Args:
        positions: (..., 3) float64 m; NaN where the flaw is neither ``NONE`` nor ``EDGE``.
        flaw: (...) int8 of :class:`Flaw`.
        error: (...) float64, NaN where nothing is known: how far the evidence is apart. By views
            the root mean square of the reprojection errors, pixels; by depth the range of the
            readings that were used, m; by a plane 0.
    """

    positions: NDArray[np.float64]
    flaw: NDArray[np.int8]
    error: NDArray[np.float64]
