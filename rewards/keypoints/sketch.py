"""What a keypoint reward knows of a scene, as it can be drawn over the scene's pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.types import Episode

__all__ = ["Sketch", "SketchedView", "Sketches"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SketchedView:
    """Keypoints and way in one view; the R roles are in the order of ``ROLES``.

    Args:
        size: (height, width) of the picture that the pixels belong to.
        pixels: (R, 2) float64 (u, v) pixels; NaN where a role is not known or behind the camera.
        state: (R,) int8 of :class:`kibble.rewards.keypoints.tracks.TrackState`.
        places: (W, 2) float64 (u, v) pixels of each waypoint's anchor or own place; NaN where that
            is not known.
        tops: (W, 2) float64 (u, v) pixels of the points above them where the movers are to arrive;
            NaN where no camera says.
    """

    size: tuple[int, int]
    pixels: NDArray[np.float64]
    state: NDArray[np.int8]
    places: NDArray[np.float64]
    tops: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """One moment of an episode.

    Args:
        views: View to what is to be drawn over it.
        waypoints: The way, W waypoints.
        stage: The waypoint that is next, counted from 0; W when all were reached.
        distance: From its mover to it, of the last one when all were reached; NaN where unknown.
        unit: Of the distance: ``"m"``, ``"px"`` or ``"blocks"``.
        potential: In [0, 1].
        confidence: In [0, 1]; 0 while the potential is held.
    """

    views: Mapping[str, SketchedView]
    waypoints: tuple[Waypoint, ...]
    stage: int
    distance: float
    unit: str
    potential: float
    confidence: float


@runtime_checkable
class Sketches(Protocol):
    """A reward model that can show what it goes by."""

    def sketch(self, episode: Episode) -> Sketch | None:
        """Return what the model knew at the newest frame of an open episode, or ``None``.

        Nothing is computed for it while frames are read, and the episode is left as it is.
        """
        ...
