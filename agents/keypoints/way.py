"""Where the waypoints of a proposal lie in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.agents.keypoints.markers import Pixel
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["Stop", "stops_in_picture", "stops_in_space"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A waypoint as one picture shows it.

    Args:
        number: From 1, in the order of the way.
        waypoint: What it asks for.
        place: The anchor's pixel, or the waypoint's own.
        top: The pixel ``height`` above that, where the mover is to arrive; ``None`` where no
            camera says.
    """

    number: int
    waypoint: Waypoint
    place: Pixel
    top: Pixel | None = None


def stops_in_picture(
    waypoints: Sequence[Waypoint], pixels: Mapping[Role, Pixel], view: str
) -> list[Stop]:
    """Place waypoints by pixels alone.

    Args:
        waypoints: The way.
        pixels: Where the roles are in the picture; waypoints of others are left out.
        view: The picture's view.
    """
    stops = []
    for number, waypoint in enumerate(waypoints, start=1):
        known = (
            waypoint.pixels.get(view) if waypoint.anchor is None else pixels.get(waypoint.anchor)
        )
        if known is not None:
            stops.append(Stop(number=number, waypoint=waypoint, place=known))
    return stops


def stops_in_space(
    waypoints: Sequence[Waypoint], places: NDArray[np.float64], camera: Camera
) -> list[Stop]:
    """Place waypoints in space and see them through a calibrated camera.

    Args:
        waypoints: The way, W waypoints.
        places: (W, 3) m in the base frame: their anchors or own places, without the heights;
            those that are NaN or behind the camera are left out.
        camera: The camera.
    """
    heights = np.array([waypoint.height for waypoint in waypoints])  # (W,) m
    up = np.stack([np.zeros_like(heights), np.zeros_like(heights), heights], axis=1)  # (W, 3)
    pixels = camera.project(places)  # (W, 2)
    tops = camera.project(places + up)  # (W, 2)
    return [
        Stop(number=n + 1, waypoint=waypoint, place=_pixel(pixels[n]), top=_pixel(tops[n]))
        for n, waypoint in enumerate(waypoints)
        if np.isfinite(pixels[n]).all() and np.isfinite(tops[n]).all()
    ]


def _pixel(values: NDArray[np.float64]) -> Pixel:
    return float(values[0]), float(values[1])
