"""Make scores honest: isotonic regression, and a scale and a bias for logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

__all__ = ["MonotoneMap", "fit_monotone", "fit_scale_and_bias"]

FloatArray = NDArray[np.float64]
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MonotoneMap:
    """A map that rises or falls all the way, linear between its knots, constant outside.

    Args:
        inputs: (K,) float64, increasing strictly.
        outputs: (K,) float64, monotone.
    """

    inputs: FloatArray
    outputs: FloatArray

    def __call__(self, values: ArrayLike) -> FloatArray:
        """Map values of any shape."""
        return np.interp(np.asarray(values, dtype=np.float64), self.inputs, self.outputs)


def fit_monotone(inputs: ArrayLike, outputs: ArrayLike, *, falling: bool = False) -> MonotoneMap:
    """Fit the monotone map from inputs to outputs that is nearest in squares.

    Args:
        inputs: (N,) finite, N of 1 or more; equal ones are pooled.
        outputs: (N,) finite.
        falling: Whether the map falls instead of rising.

    Returns:
        The map.

    Raises:
        ValueError: If shapes differ, there is nothing to fit, or a value is not finite.

    Source: isotonic regression, Ayer et al. 1955; Barlow et al. 1972.

    >>> falling = fit_monotone([1.0, 0.5, 0.0], [0.0, 0.5, 1.0], falling=True)
    >>> falling([0.75, 2.0]).tolist()
    [0.25, 0.0]
    """
    x, y = np.asarray(inputs, dtype=np.float64), np.asarray(outputs, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(
            f"`inputs` and `outputs` must have one shape (N,) with N of 1 or more, got {x.shape} "
            f"and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("`inputs` and `outputs` must be finite, got NaN or infinity.")
    knots, place = np.unique(x, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    means = np.bincount(place, y) / counts
    sign = -1.0 if falling else 1.0
    return MonotoneMap(
        inputs=knots, outputs=sign * isotonic_regression(sign * means, weights=counts).x
    )


def fit_scale_and_bias(
    logits: ArrayLike, targets: ArrayLike, *, prior: float = 1.0
) -> tuple[float, float]:
    """Fit a and b so that sigmoid(a * logit + b) is as likely as can be: Platt scaling.

    Minimises the mean cross-entropy plus ``prior / N`` times (log a)^2 + b^2, so that a handful of
    frames does not make a model certain of anything, by Newton steps in (log a, b). a is positive,
    so that the order of scores, and with it the area under the ROC curve, stays as it is.

    Args:
        logits: (N,) finite.
        targets: (N,) probabilities of success in [0, 1], 0 and 1 where they are known.
        prior: Strength of the pull towards a = 1, b = 0, in frames, positive.

    Returns:
        a and b.

    Raises:
        ValueError: If shapes differ, there is nothing to fit, or a value is out of range.

    Source: Platt 1999; Guo et al. 2017 (temperature scaling is b = 0).

    >>> scale, bias = fit_scale_and_bias([-4.0, -4.0, 4.0, 4.0], [0.0, 1.0, 0.0, 1.0])
    >>> scale < 0.5, abs(bias) < 1e-6
    (True, True)
    """
    x, y = np.asarray(logits, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(
            f"`logits` and `targets` must have one shape (N,) with N of 1 or more, got {x.shape} "
            f"and {y.shape}."
        )
    if not np.isfinite(x).all() or not ((y >= 0.0) & (y <= 1.0)).all() or prior <= 0.0:
        raise ValueError(
            "`logits` must be finite, `targets` lie in [0, 1] and `prior` be positive."
        )
    pull = prior / len(x)

    def loss(point: FloatArray) -> float:
        z = np.exp(point[0]) * x + point[1]
        return float(np.mean(np.logaddexp(0.0, z) - y * z) + pull * (point**2).sum())

    point = np.zeros(2)  # log a, b
    for _ in range(_ROUNDS):
        stretched = np.exp(point[0]) * x
        p = 1.0 / (1.0 + np.exp(-np.clip(stretched + point[1], -50.0, 50.0)))
        slopes = np.stack([stretched, np.ones_like(x)], axis=1)  # of z, (N, 2)
        gradient = slopes.T @ (p - y) / len(x) + 2.0 * pull * point
        curvature = (slopes.T * (p * (1.0 - p))) @ slopes / len(x) + 2.0 * pull * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size, here = 1.0, loss(point)
        while size > 1e-6 and loss(point - size * step) > here:
            size /= 2.0
        if size <= 1e-6 or np.abs(size * step).max() < 1e-9:
            break
        point = np.clip(point - size * step, -4.0, 4.0)
    return float(np.exp(point[0])), float(point[1])
