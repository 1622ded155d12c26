"""Where a camera stands, from points whose places are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.cameras.errors import CalibrationError
from kibble.rewards.errors import ConfigError, MissingDependencyError

__all__ = ["place_camera"]

_FEWEST = 4
_TOLERANCE = 1 / 48  # of the picture's height
_FLAT = 1e-3  # m; points nearer to a line than that give no orientation


def place_camera(
    camera: Camera,
    points: NDArray[np.floating],
    pixels: NDArray[np.floating],
    *,
    tolerance: float = _TOLERANCE,
) -> tuple[Camera, NDArray[np.float64]]:
    """Find where a camera stands from points that somebody clicked in its picture.

    Good points are corners on the table and something that stands up, spread over the picture:
    the finger tips at places that the robot reports, a box, a ruler's ends.

    Args:
        camera: Its lens and intrinsics; its extrinsics are not used.
        points: (M, 3) m in the base frame, M at least 4, better 8; not all in one line.
        pixels: (M, 2) (u, v) of the same points, the first pixel covering [0, 1) x [0, 1).
        tolerance: Largest reprojection error of a point, as a share of the picture's height.

    Returns:
        The camera with its extrinsics, and (M,) reprojection errors, pixels.

    Raises:
        ConfigError: If there are too few points, or they lie in a line, or are not finite.
        CalibrationError: If no place explains the points; the text names the worst one.
        MissingDependencyError: If OpenCV is not installed.

    Source:
        Terzakis and Lourakis 2020 (SQPnP), then Levenberg-Marquardt; both by OpenCV.
    """
    places: NDArray[np.float64] = np.asarray(points, np.float64)  # (M, 3) m
    clicks: NDArray[np.float64] = np.asarray(pixels, np.float64)  # (M, 2)
    _check(places, clicks)
    flat = camera.flat(clicks)  # (M, 2)
    if not np.isfinite(flat).all():
        worst = int(np.flatnonzero(~np.isfinite(flat).all(axis=-1))[0])
        raise ConfigError(
            f"`pixels` must lie where the lens shows something, got {clicks[worst].tolist()} for "
            f"point {worst}; check the distortion coefficients and the picture's size."
        )
    placed = _fit(camera, places, flat)
    errors = _errors(placed, places, clicks)
    limit = tolerance * camera.height
    if not (errors <= limit).all():
        worst = _worst(camera, places, clicks, flat, errors)
        listed = ", ".join(f"{error:.3g}" for error in errors)
        raise CalibrationError(
            f"The points must fall within {limit:.3g} pixels of where they were clicked, got "
            f"errors of {listed} pixels; point {worst} at {places[worst].tolist()} m and pixel "
            f"{clicks[worst].tolist()} fits worst. Click it again, measure it again, or check "
            "the intrinsics."
        )
    return placed, errors


def _check(points: NDArray[np.float64], pixels: NDArray[np.float64]) -> None:
    count = len(points)
    if points.shape != (count, 3) or pixels.shape != (count, 2) or count < _FEWEST:
        raise ConfigError(
            f"`points` and `pixels` must have shapes (M, 3) and (M, 2) with M at least {_FEWEST}, "
            f"got {points.shape} and {pixels.shape}; click more points."
        )
    if not (np.isfinite(points).all() and np.isfinite(pixels).all()):
        raise ConfigError("`points` and `pixels` must be finite numbers.")
    across = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1]
    if across < _FLAT:
        raise ConfigError(
            f"`points` must not lie in one line, got {count} within {across:.2g} m of one; add "
            "some beside it."
        )


def _fit(camera: Camera, points: NDArray[np.float64], flat: NDArray[np.float64]) -> Camera:
    """Fit the extrinsics to what lies before the lens, in pixels of the camera without it."""
    cv2 = _opencv()
    ideal = flat @ camera.intrinsics[:2, :2].T + camera.intrinsics[:2, 2]
    arguments = (points, ideal, camera.intrinsics, None)
    found, turn, move = cv2.solvePnP(*arguments, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        raise CalibrationError(
            f"No place of the camera explains the {len(points)} points; check that the pixels "
            "belong to the points, and that those are in m in the base frame."
        )
    turn, move = cv2.solvePnPRefineLM(*arguments, turn, move)
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = cv2.Rodrigues(turn)[0]
    extrinsics[:3, 3] = move.ravel()
    return replace(camera, extrinsics=extrinsics)


def _errors(
    camera: Camera, points: NDArray[np.float64], pixels: NDArray[np.float64]
) -> NDArray[np.float64]:
    away = np.linalg.norm(camera.project(points) - pixels, axis=-1)
    return np.where(np.isnan(away), np.inf, away)


def _worst(
    camera: Camera,
    points: NDArray[np.float64],
    pixels: NDArray[np.float64],
    flat: NDArray[np.float64],
    errors: NDArray[np.float64],
) -> int:
    """Return the point without which the others fit best."""
    if len(points) < _FEWEST + 2:  # fewer of them fit any pose
        return int(errors.argmax())
    left = []
    for out in range(len(points)):
        rest = np.arange(len(points)) != out
        placed = _fit(camera, points[rest], flat[rest])
        left.append(_errors(placed, points[rest], pixels[rest]).max())
    return int(np.argmin(left))


def _opencv() -> Any:  # a module that may be missing
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "Placing a camera needs OpenCV, which is not installed; run "
            "`pip install 'kibble[keypoints]'`."
        ) from error
    return cv2
