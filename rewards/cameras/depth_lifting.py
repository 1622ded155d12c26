"""Points in space from pixels and a depth image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.lifted import Flaw, Lifted
from kibble.rewards.errors import ConfigError

__all__ = ["lift_by_depth"]

_SHARE = 1 / 3
_TINY = 1e-9


def lift_by_depth(
    camera: Camera,
    pixels: NDArray[np.floating],
    depth: NDArray[np.floating],
    *,
    radius: int = 1,
    edge: float = 0.03,
) -> Lifted:
    """Lift pixels by the depth readings around them.

    Readings of the window fall into surfaces, parted by gaps larger than ``edge``. The nearest
    surface with a third of the readings is taken, for a keypoint marks a thing rather than what
    is behind it. Its inverse depth, which is affine in the pixel on a plane, is levelled to the
    pixel itself by least squares, and the median of that is the depth.

    Args:
        camera: The camera of the depth image.
        pixels: (..., R, 2) (u, v) pixels.
        depth: (..., H, W) m along the camera's z axis, NaN where there is no reading.
        radius: Half the window's side; 1 is 3 x 3 pixels.
        edge: Gap between two surfaces, m.

    Returns:
        (..., R) points. ``NO_DEPTH`` where less than a third of the window has readings;
        ``EDGE``, with a position, where it shows more than one surface.

    Raises:
        ConfigError: If depth and camera differ in size, or depth and pixels in number.
    """
    pixels, depth = np.asarray(pixels, np.float64), np.asarray(depth, np.float64)
    if depth.shape[-2:] != (camera.height, camera.width) or depth.shape[:-2] != pixels.shape[:-2]:
        raise ConfigError(
            f"`depth` must have shape {(*pixels.shape[:-2], camera.height, camera.width)} for "
            f"pixels of shape {pixels.shape} and this camera, got {depth.shape}."
        )
    leading = pixels.shape[:-1]
    flat = pixels.reshape(-1, leading[-1], 2)  # (N, R, 2)
    inside = camera.inside(flat)
    cells = np.where(inside[..., None], flat, 0.0).astype(np.intp)  # (N, R, 2)
    steps = np.arange(-radius, radius + 1)
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)  # (K, 2)
    around = cells[:, :, None] + offsets  # (N, R, K, 2)
    framed = camera.inside(around + 0.5)
    columns, rows = np.moveaxis(np.where(framed[..., None], around, 0), -1, 0)
    readings = depth.reshape(-1, camera.height, camera.width)[
        np.arange(len(flat))[:, None, None], rows, columns
    ]
    usable = framed & (readings > 0) & np.isfinite(readings)
    readings = np.where(usable, readings, np.nan)  # (N, R, K)
    order = np.argsort(readings, axis=-1)  # nearest first, NaN last
    readings = np.take_along_axis(readings, order, axis=-1)
    chosen, several = _surface(readings, edge)
    shifts = around + 0.5 - flat[:, :, None]  # (N, R, K, 2) pixels from the point
    shifts = np.take_along_axis(shifts, order[..., None], axis=2)
    distance, spread = _level(readings, shifts, chosen)
    enough = np.isfinite(readings).sum(axis=-1) >= _SHARE * framed.sum(axis=-1)
    rays = camera.rays(flat)
    seen = inside & np.isfinite(rays).all(axis=-1)
    flaw = np.select([~seen, ~enough, several], [Flaw.UNSEEN, Flaw.NO_DEPTH, Flaw.EDGE], Flaw.NONE)
    good = (flaw == Flaw.NONE) | (flaw == Flaw.EDGE)
    points = camera.centre + distance[..., None] * rays
    return Lifted(
        positions=np.where(good[..., None], points, np.nan).reshape(*leading, 3),
        flaw=flaw.astype(np.int8).reshape(leading),
        error=np.where(good, spread, np.nan).reshape(leading),
    )


def _surface(
    readings: NDArray[np.float64], edge: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Choose among (N, R, K) sorted readings; also tell where there is more than one surface."""
    known = np.isfinite(readings)
    steps = np.diff(readings, axis=-1, prepend=readings[..., :1])
    gaps: NDArray[np.bool_] = steps > edge  # NaN is no gap
    surface = np.cumsum(gaps, axis=-1)  # (N, R, K) number of the surface, nearest first
    window = readings.shape[-1]
    sizes = np.stack([(known & (surface == i)).sum(axis=-1) for i in range(window)], axis=-1)
    large = sizes >= np.maximum(_SHARE * known.sum(axis=-1, keepdims=True), 1)
    first = np.where(large.any(axis=-1), large.argmax(axis=-1), sizes.argmax(axis=-1))
    return known & (surface == first[..., None]), np.any(gaps, axis=-1)


def _level(
    readings: NDArray[np.float64], shifts: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the depth at the point itself, (N, R) m, and the range of the chosen readings."""
    count = np.maximum(chosen.sum(axis=-1, keepdims=True), 1)
    inverse = np.where(chosen, 1.0 / np.where(chosen, readings, 1.0), 0.0)  # (N, R, K) 1/m
    weight = chosen[..., None]
    centred = np.where(
        weight, shifts - (shifts * weight).sum(2, keepdims=True) / count[..., None], 0
    )
    rise = np.where(chosen, inverse - inverse.sum(axis=-1, keepdims=True) / count, 0.0)
    normal = np.einsum("nrki,nrkj->nrij", centred, centred) + _TINY * np.eye(2)
    right = np.einsum("nrki,nrk->nri", centred, rise)
    tilt = np.linalg.solve(normal, right[..., None])[..., 0]  # (N, R, 2) 1/m per pixel
    levelled = inverse - np.einsum("nrki,nri->nrk", shifts, tilt)
    nearest = np.where(chosen, readings, np.inf).min(axis=-1)
    farthest = np.where(chosen, readings, -np.inf).max(axis=-1)
    middle = _median(levelled, chosen)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = 1.0 / np.clip(middle, 1.0 / farthest, 1.0 / nearest)
    return distance, farthest - nearest


def _median(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the median of the chosen ones of (N, R, K), or anything where there are none."""
    ordered = np.sort(np.where(chosen, values, np.inf), axis=-1)
    last = np.maximum(chosen.sum(axis=-1, keepdims=True) - 1, 0)
    pair = np.take_along_axis(ordered, np.concatenate([last // 2, (last + 1) // 2], -1), axis=-1)
    middle: NDArray[np.float64] = pair.mean(axis=-1)
    return middle
