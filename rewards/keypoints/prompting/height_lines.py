"""A ruler for heights, as a calibrated camera from the side would see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera

__all__ = ["HeightLine", "height_lines", "side_view"]

_POINTS = 9  # of one line; a lens bends it
_FURTHEST = 3.0  # m at which a ray is said to meet the table


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeightLine:
    """One line of the ruler.

    Args:
        label: Its name, such as "h2".
        height: Above the table, m.
        points: (S, 2) float64 pixels (u, v) from left to right.
    """

    label: str
    height: float
    points: NDArray[np.float64]


def side_view(cameras: Mapping[str, Camera]) -> str | None:
    """Return the view whose camera looks most nearly level, ``None`` where there is none.

    A camera that looks down more steeply than 45 degrees shows no heights.
    """
    level = {name: abs(float(_axis(camera)[2])) for name, camera in cameras.items()}
    if not level:
        return None
    name = min(level, key=lambda view: level[view])
    return name if level[name] < np.sqrt(0.5) else None


def height_lines(
    camera: Camera, heights: Sequence[float], foot: tuple[float, float]
) -> tuple[HeightLine, ...]:
    """Put an upright ruler where a pixel shows the table.

    All lines lie in the vertical plane through that place, square to the camera, so that heights
    at the pixel are true and those nearer or further away only about.

    Args:
        camera: Calibrated to the base frame, whose z = 0 is the table.
        heights: Above the foot, m.
        foot: Pixel (u, v) at which the ruler stands; where it shows no table within reach, the
            ruler stands 1 m along its ray.

    Returns:
        A line per height, named h0, h1, …; those that the camera does not see are left out.

    Source:
        Height lines on a view from the side: KAGI (Lee et al. 2024, arXiv:2407.10341).
    """
    axis = _axis(camera)
    ray = camera.rays(np.array([foot]))[0]
    reach = -camera.centre[2] / min(ray[2], -1e-9)
    if not 0.0 < reach < _FURTHEST:
        reach = 1.0
    base = camera.centre + reach * ray
    across = np.array([-axis[1], axis[0], 0.0])
    across *= -1.0 / max(float(np.linalg.norm(across)), 1e-9)  # to the right in the picture
    depth = float(camera.depths(base[None])[0])
    half = depth * camera.width / (2.0 * camera.intrinsics[0, 0])
    along = base + np.linspace(-half, half, _POINTS)[:, None] * across  # (S, 3)
    lines = []
    for number, height in enumerate(heights):
        pixels = camera.project(along + np.array([0.0, 0.0, height]))
        if np.isfinite(pixels).all() and camera.inside(pixels[_POINTS // 2]):
            lines.append(HeightLine(label=f"h{number}", height=height, points=pixels))
    return tuple(lines)


def _axis(camera: Camera) -> NDArray[np.float64]:
    """Return (3,) the direction in which a camera looks, of length 1, in the base frame."""
    axis: NDArray[np.float64] = camera.extrinsics[2, :3]
    return axis
