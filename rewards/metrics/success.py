"""Is success recognised, and are its probabilities honest?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = [
    "Reliability",
    "brier_score",
    "expected_calibration_error",
    "f1_score",
    "reliability",
    "roc_auc",
]

FloatArray = NDArray[np.float64]
BINS = 15


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], FloatArray]:
    truth, values = np.asarray(labels, np.bool_), np.asarray(scores, np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(
            f"`labels` and `scores` must have one shape (N,), got {truth.shape} and "
            f"{values.shape}."
        )
    bad = ~((values >= 0.0) & (values <= 1.0))
    if bad.any():
        raise ValueError(f"`scores` must lie in [0, 1], got {values[bad][0]}.")
    return truth, values


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: P(score of a success > score of a failure), ties half.

    Args:
        labels: (N,) bool, true successes.
        scores: (N,) probabilities of success in [0, 1].

    Returns:
        In [0, 1]; 0.5 for chance, NaN where one of the classes is empty.

    Source:
        Mann and Whitney 1947; Hanley and McNeil 1982.

    >>> roc_auc([False, False, True], [0.1, 0.6, 0.5])
    0.5
    """
    truth, values = _checked(labels, scores)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    ranks = stats.rankdata(values)
    return float(
        (ranks[truth].sum() - positive * (positive + 1) / 2) / (float(positive) * negative)
    )


def f1_score(labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5) -> float:
    """F1 = 2 TP / (2 TP + FP + FN), a score at or above the threshold being judged a success.

    Returns:
        In [0, 1]; NaN where there is neither a success nor a frame judged one.

    >>> f1_score([True, True, False], [0.9, 0.2, 0.7])
    0.5
    """
    truth, values = _checked(labels, scores)
    judged = values >= threshold
    hits = int((truth & judged).sum())
    wrong = int((truth ^ judged).sum())
    return 2.0 * hits / (2.0 * hits + wrong) if hits + wrong else float("nan")


def brier_score(labels: ArrayLike, scores: ArrayLike) -> float:
    """Brier score: mean of (score - label)²; 0 is perfect, 0.25 is always saying one half.

    Returns:
        In [0, 1]; NaN of nothing.

    Source:
        Brier 1950, "Verification of forecasts expressed in terms of probability".

    >>> brier_score([True, False], [0.5, 0.0])
    0.125
    """
    truth, values = _checked(labels, scores)
    return float(np.mean((values - truth) ** 2)) if len(values) else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """Probabilities beside what came true, bin by bin; bins without a sample are left out.

    Args:
        probability: (B,) mean score in each bin.
        frequency: (B,) share of successes in each bin.
        count: (B,) samples in each bin.
    """

    probability: FloatArray
    frequency: FloatArray
    count: NDArray[np.int64]


def reliability(labels: ArrayLike, scores: ArrayLike, *, bins: int = BINS) -> Reliability:
    """Group scores into bins of equal width over [0, 1].

    >>> reliability([True, False], [0.95, 0.05], bins=2).frequency
    array([0., 1.])
    """
    truth, values = _checked(labels, scores)
    if bins < 1:
        raise ValueError(f"`bins` must be 1 or more, got {bins}.")
    place = np.minimum((values * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    filled = count > 0
    total = np.where(filled, count, 1)
    return Reliability(
        probability=(np.bincount(place, values, minlength=bins) / total)[filled],
        frequency=(np.bincount(place, truth, minlength=bins) / total)[filled],
        count=count[filled],
    )


def expected_calibration_error(labels: ArrayLike, scores: ArrayLike, *, bins: int = BINS) -> float:
    """ECE = Σ_b (n_b / N) |share of successes in b - mean score in b|.

    Fifteen bins of equal width, as most publications use. Most frames lie near 0 or 1, so bins of
    equal count would say little about the middle, where a threshold is put.

    Returns:
        In [0, 1]; NaN of nothing.

    Source:
        Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3, for one class.

    >>> round(expected_calibration_error([True, False], [0.9, 0.2]), 6)
    0.15
    """
    table = reliability(labels, scores, bins=bins)
    total = int(table.count.sum())
    if not total:
        return float("nan")
    return float(np.abs(table.frequency - table.probability) @ table.count / total)
