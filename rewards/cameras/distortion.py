"""Lens distortion in the models that ROS names, and its inverse."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["COEFFICIENTS", "check_distortion", "distort", "undistort"]

COEFFICIENTS: Mapping[str, tuple[int, ...]] = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (8,),
    "equidistant": (4,),
}
"""Distortion model to the numbers of coefficients that it may have."""

_ITERATIONS = 25
_SOLVED = 1e-9  # in units of the normalised plane
_STILL = 1e-13


def check_distortion(model: str, coefficients: NDArray[np.float64]) -> None:
    """Refuse an unknown model, a wrong number of coefficients and values that are not finite.

    Raises:
        ConfigError: If one of that is so.
    """
    if model not in COEFFICIENTS:
        raise ConfigError(
            f"`distortion_model` must be one of {sorted(COEFFICIENTS)}, got {model!r}; "
            "calibrate with one of them, or rectify the pictures and give plumb_bob zeros."
        )
    if coefficients.ndim != 1 or len(coefficients) not in COEFFICIENTS[model]:
        raise ConfigError(
            f"`distortion` of model {model!r} must have one of {COEFFICIENTS[model]} "
            f"coefficients, got shape {coefficients.shape}."
        )
    if not np.isfinite(coefficients).all():
        raise ConfigError(f"`distortion` must be finite, got {coefficients.tolist()}.")


def distort(
    points: NDArray[np.float64], coefficients: NDArray[np.float64], *, model: str
) -> NDArray[np.float64]:
    """Move points of the normalised image plane to where the lens shows them.

    With s = x² + y², ``plumb_bob`` (k1, k2, p1, p2[, k3]) and ``rational_polynomial``
    (k1, k2, p1, p2, k3, k4, k5, k6) have

        x' = x (1 + k1 s + k2 s² + k3 s³) / (1 + k4 s + k5 s² + k6 s³) + 2 p1 x y + p2 (s + 2 x²)
        y' = y (…) / (…) + p1 (s + 2 y²) + 2 p2 x y;

    ``equidistant`` (k1 to k4) scales by θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸) / tan θ.

    Args:
        points: (..., 2) x/z and y/z in the camera frame.
        coefficients: Of the model; none for no distortion.
        model: One of ``COEFFICIENTS``.

    Returns:
        (..., 2), NaN from where on the model folds back: there it says nothing about a lens.

    Source:
        OpenCV, "Camera Calibration and 3D Reconstruction" and "Fisheye camera model";
        Kannala and Brandt 2006 for the latter.
    """
    if not coefficients.any():
        return points.astype(np.float64)
    with np.errstate(all="ignore"):  # beyond the fold anything may overflow
        if model == "equidistant":
            moved = points * _fisheye_scale(points, coefficients)
        else:
            moved = _brown(points, coefficients)
    unfolded = _radius(points) < _fold(coefficients, model)
    return np.where(unfolded[..., None], moved, np.nan)


def undistort(
    points: NDArray[np.float64], coefficients: NDArray[np.float64], *, model: str
) -> NDArray[np.float64]:
    """Invert :func:`distort` by Newton's method; NaN where no point is shown at that place."""
    if not coefficients.any():
        return points.astype(np.float64)
    guess = points.astype(np.float64)
    step = 1e-7
    with np.errstate(all="ignore"):  # what has no solution diverges, and is NaN below
        for _ in range(_ITERATIONS):
            there = _moved(guess, coefficients, model)  # (..., 2)
            if not (np.abs(there - points) > _STILL).any():
                break
            columns = [
                (_moved(guess + step * axis, coefficients, model) - there) / step
                for axis in np.eye(2)
            ]
            (a, c), (b, d) = (np.moveaxis(column, -1, 0) for column in columns)
            u, v = np.moveaxis(points - there, -1, 0)
            change = np.stack([d * u - b * v, a * v - c * u], axis=-1) / (a * d - b * c)[..., None]
            guess = guess + change
        error = np.abs(_moved(guess, coefficients, model) - points).max(axis=-1)
    solved = (error < _SOLVED) & (_radius(guess) < _fold(coefficients, model))
    return np.where(solved[..., None], guess, np.nan)


def _moved(
    points: NDArray[np.float64], coefficients: NDArray[np.float64], model: str
) -> NDArray[np.float64]:
    if model == "equidistant":
        return points * _fisheye_scale(points, coefficients)
    return _brown(points, coefficients)


def _radius(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hypot(points[..., 0], points[..., 1])


def _brown(points: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    k1, k2, p1, p2, k3, k4, k5, k6 = np.pad(coefficients, (0, 8 - len(coefficients)))
    x, y = points[..., 0], points[..., 1]
    s = x * x + y * y
    radial = (1 + s * (k1 + s * (k2 + s * k3))) / (1 + s * (k4 + s * (k5 + s * k6)))
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x),
            y * radial + p1 * (s + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )


def _fisheye_scale(
    points: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    radius = _radius(points)
    angle = np.arctan(radius)
    k1, k2, k3, k4 = coefficients
    square = angle * angle
    bent = angle * (1 + square * (k1 + square * (k2 + square * (k3 + square * k4))))
    safe = np.where(radius > 1e-12, radius, 1.0)
    return np.where(radius > 1e-12, bent / safe, 1.0)[..., None]


def _fold(coefficients: NDArray[np.float64], model: str) -> float:
    """Return the radius in the normalised plane up to which the image radius grows."""
    return _computed_fold(tuple(coefficients.tolist()), model)


@functools.lru_cache(maxsize=64)
def _computed_fold(coefficients: tuple[float, ...], model: str) -> float:
    if model == "equidistant":
        angles = Polynomial([1, *((2 * i + 3) * k for i, k in enumerate(coefficients))])
        root = math.sqrt(_smallest_root(angles))
        return math.tan(root) if root < math.pi / 2 else math.inf
    k1, k2, _, _, k3, k4, k5, k6 = np.pad(coefficients, (0, 8 - len(coefficients)))
    above, below = Polynomial([1, k1, k2, k3]), Polynomial([1, k4, k5, k6])  # in s
    s = Polynomial([0, 1])
    slope = (above + 2 * s * above.deriv()) * below - 2 * s * above * below.deriv()
    return math.sqrt(min(_smallest_root(slope), _smallest_root(below)))


def _smallest_root(polynomial: Polynomial) -> float:
    trimmed = polynomial.trim()
    roots = trimmed.roots() if trimmed.degree() > 0 else np.empty(0)
    real = roots[np.abs(roots.imag) < 1e-9].real
    positive = real[real > 0]
    return float(positive.min()) if len(positive) else math.inf
