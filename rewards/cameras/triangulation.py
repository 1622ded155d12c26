"""Points in space from two or more views."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.lifted import Flaw, Lifted
from kibble.rewards.errors import ConfigError

__all__ = ["triangulate"]

_PARALLEL = 1 - math.cos(math.radians(2.0))
_ITERATIONS = 8
_STILL = 1e-9  # m
_TINY = 1e-9


def triangulate(
    cameras: Sequence[Camera],
    pixels: NDArray[np.floating],
    *,
    largest_error: float = math.inf,
) -> Lifted:
    """Find the points that several views show at given pixels.

    First the point nearest to all rays, which is linear: Σ (I - d dᵀ) (x - c) = 0 over views with
    centre c and unit ray d. Then Gauss-Newton on the sum of squared reprojection errors.

    Args:
        cameras: V cameras.
        pixels: (V, ..., 2) float, (u, v) pixels; NaN where a view does not show the point.
        largest_error: Reprojection error above which the views are taken to disagree, pixels.

    Returns:
        (...) points; the error is the root mean square over the views that show the point.

    Raises:
        ConfigError: If there are not as many cameras as views.

    Source:
        Hartley and Zisserman, Multiple View Geometry, 2nd edition, chapter 12.
    """
    pixels = np.asarray(pixels, np.float64)
    if len(cameras) != len(pixels) or pixels.shape[-1] != 2:
        raise ConfigError(
            f"`pixels` must have shape (V, ..., 2) for V = {len(cameras)} cameras, got "
            f"{pixels.shape}."
        )
    leading = pixels.shape[1:-1]
    listed = pixels.reshape(len(cameras), -1, 2)  # (V, M, 2)
    flat = [camera.flat(seen) for camera, seen in zip(cameras, listed, strict=True)]
    rays = np.stack([camera.towards(seen) for camera, seen in zip(cameras, flat, strict=True)])
    shown: NDArray[np.bool_] = np.all(np.isfinite(rays), axis=-1)  # (V, M)
    points, spread = _nearest_to_rays(cameras, rays, shown)
    few, parallel = shown.sum(axis=0) < 2, spread < _PARALLEL
    for _ in range(_ITERATIONS):
        step = _improvement(cameras, points, flat, shown & ~few & ~parallel)
        points += step
        if not (np.abs(step) > _STILL).any():
            break
    depths = np.stack([camera.depths(points) for camera in cameras])  # (V, M)
    behind = (shown & ~(depths > 0)).any(axis=0)
    squares = np.stack(
        [
            ((camera.project(points) - seen) ** 2).sum(axis=-1)
            for camera, seen in zip(cameras, listed, strict=True)
        ]
    )  # (V, M)
    squares = np.where(shown, squares, 0.0).sum(axis=0)
    error = np.sqrt(squares / np.maximum(shown.sum(axis=0), 1))
    flaw = np.select(
        [few, parallel, behind, ~(error <= largest_error)],
        [Flaw.ONE_VIEW, Flaw.PARALLEL, Flaw.BEHIND, Flaw.APART],
        Flaw.NONE,
    )
    good = flaw == Flaw.NONE
    known = good | (flaw == Flaw.APART)
    return Lifted(
        positions=np.where(good[:, None], points, np.nan).reshape(*leading, 3),
        flaw=flaw.astype(np.int8).reshape(leading),
        error=np.where(known, error, np.nan).reshape(leading),
    )


def _nearest_to_rays(
    cameras: Sequence[Camera], rays: NDArray[np.float64], shown: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (M, 3) m and (M,) 1 - cos of the angle between two rays, or what matches it."""
    units = np.where(shown[..., None], rays, 1.0)
    units = units / np.linalg.norm(units, axis=-1, keepdims=True)
    across = np.eye(3) - units[..., :, None] * units[..., None, :]  # (V, M, 3, 3)
    across = np.where(shown[..., None, None], across, 0.0)
    centres = np.stack([camera.centre for camera in cameras])[:, None, :, None]  # (V, 1, 3, 1)
    total = across.sum(axis=0)
    spread = np.linalg.eigvalsh(total)[:, 0]
    right = (across @ centres).sum(axis=0)  # (M, 3, 1)
    return np.linalg.solve(total + _TINY * np.eye(3), right)[..., 0], spread


def _improvement(
    cameras: Sequence[Camera],
    points: NDArray[np.float64],
    flat: Sequence[NDArray[np.float64]],
    shown: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the (M, 3) m of one Gauss-Newton step; 0 for points behind a camera.

    Lenses are left out: V times (M, 2) places in front of them are compared, in pixels.
    """
    normal = np.zeros((len(points), 3, 3))
    right = np.zeros((len(points), 3))
    valid = np.ones(len(points), bool)
    for camera, seen, there in zip(cameras, flat, shown, strict=True):
        turn = camera.extrinsics[:3, :3]
        in_camera = points @ turn.T + camera.extrinsics[:3, 3]  # (M, 3)
        z = in_camera[:, 2:]
        before = z[:, 0] > _TINY
        valid &= before | ~there
        z = np.where(before[:, None], z, 1.0)
        now = in_camera[:, :2] / z  # (M, 2)
        slope = (turn[:2] - now[:, :, None] * turn[2]) / z[:, :, None]  # (M, 2, 3)
        slope = camera.intrinsics[:2, :2] @ slope
        gap = (seen - now) @ camera.intrinsics[:2, :2].T  # (M, 2)
        used = there & before
        gap, slope = np.where(used[:, None], gap, 0.0), np.where(used[:, None, None], slope, 0.0)
        normal += slope.transpose(0, 2, 1) @ slope
        right += (slope.transpose(0, 2, 1) @ gap[..., None])[..., 0]
    damped = normal + _TINY * (1.0 + np.trace(normal, axis1=1, axis2=2)[:, None, None]) * np.eye(3)
    step: NDArray[np.float64] = np.linalg.solve(damped, right[..., None])[..., 0]
    return np.where(valid[:, None], step, 0.0)
