"""Where a gripper is, by the depth of its fingers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.depth_lifting import lift_by_depth

__all__ = ["lift_gripper"]

_ABOVE = 0.01  # m over the table that a hand must be, or what is seen is the table
_BESIDE, _UPWARDS = 0.05, 0.025  # m around the point in which open fingers are looked for
_SHARE = 0.1  # of that window that a finger fills
_GAP = 0.03  # m between two surfaces
_INSIDE = 0.015  # m from the fingers' visible surface to the point between their tips


def lift_gripper(
    camera: Camera,
    pixels: NDArray[np.floating],
    depth: NDArray[np.floating],
    *,
    surface: float = 0.0,
) -> NDArray[np.float64]:
    """Lift the point between the finger tips, which is no surface.

    Closed fingers are seen at the point itself. Between open ones the table is: then the nearest
    surface beside and above the point is taken for them, for a hand comes from above. Either is
    1.5 cm before the point.

    Args:
        camera: An upright camera of the depth image.
        pixels: (N, 2) (u, v) pixels; NaN where it is not seen.
        depth: (N, H, W) m along the camera's z axis, NaN where there is no reading.
        surface: Height of the table in the base frame, m.

    Returns:
        (N, 3) float64 m in the base frame, NaN where no finger is seen.
    """
    places = lift_by_depth(camera, pixels[:, None], depth).positions[:, 0]
    floor = surface + _ABOVE
    for row in np.flatnonzero(places[:, 2] < floor):
        places[row] = _beside(camera, pixels[row], depth[row], camera.depths(places[row]), floor)
    along = places - camera.centre
    inside: NDArray[np.float64] = along / np.linalg.norm(along, axis=-1, keepdims=True)
    return places + _INSIDE * inside


def _beside(
    camera: Camera,
    pixel: NDArray[np.floating],
    depth: NDArray[np.floating],
    behind: NDArray[np.float64],
    floor: float,
) -> NDArray[np.float64]:
    """Find fingers beside and above a (2,) pixel where what is behind them is seen."""
    u, v = (int(value) for value in pixel)
    side = math.ceil(_BESIDE * camera.intrinsics[0, 0] / float(behind))
    up = math.ceil(_UPWARDS * camera.intrinsics[1, 1] / float(behind))
    rows = np.arange(max(v - up, 0), v + 1)
    columns = np.arange(max(u - side, 0), min(u + side + 1, camera.width))
    readings = depth[np.ix_(rows, columns)].astype(np.float64)
    cells = np.stack(np.meshgrid(columns + 0.5, rows + 0.5), axis=-1)
    heights = (camera.centre + readings[..., None] * camera.rays(cells))[..., 2]
    near = np.sort(readings[np.isfinite(readings) & (heights > floor)])
    for surface in np.split(near, np.flatnonzero(np.diff(near) > _GAP) + 1):
        if len(surface) >= _SHARE * readings.size:
            found: NDArray[np.float64] = np.median(surface) * camera.rays(pixel)
            return camera.centre + found
    return np.full(3, np.nan)
