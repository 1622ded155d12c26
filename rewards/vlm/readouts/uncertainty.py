"""How sure a reading is: from a distribution's entropy, or from how far samples lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["entropy_confidence", "sample_confidence"]


def entropy_confidence(probabilities: NDArray[np.float64]) -> float:
    """Return ``1 + Σ p ln p / ln C``: 1 for one certain answer, 0 for all equally likely.

    Args:
        probabilities: (C,) float64 in [0, 1] that sum to 1; C = 1 gives 1.

    Returns:
        The confidence in [0, 1].

    Raises:
        AnswerError: If they are no distribution.

    >>> entropy_confidence(np.array([0.5, 0.5])), entropy_confidence(np.array([1.0, 0.0]))
    (0.0, 1.0)
    """
    if (
        probabilities.ndim != 1
        or not (probabilities >= 0.0).all()
        or not abs(float(probabilities.sum()) - 1.0) < 1e-6
    ):
        raise AnswerError(f"Probabilities must sum to 1, got {probabilities.tolist()}.")
    if len(probabilities) == 1:
        return 1.0
    positive = probabilities[probabilities > 0.0]
    entropy = -float((positive * np.log(positive)).sum()) / np.log(len(probabilities))
    return float(np.clip(1.0 - entropy, 0.0, 1.0))


def sample_confidence(values: Sequence[float], *, low: float, high: float) -> float:
    """Return ``1 - 2 s / (high - low)`` of n readings, s their standard deviation.

    1 if all agree; 0 if half lie at each end, the greatest spread that there is.

    Args:
        values: At least two readings in [low, high] of one question asked at a temperature
            above 0 with different seeds.
        low: Least possible reading.
        high: Greatest possible reading, above ``low``.

    Returns:
        The confidence in [0, 1].

    Raises:
        AnswerError: If there are fewer than two, or one is out of range.

    >>> sample_confidence([0.5, 0.5], low=0, high=1), sample_confidence([0, 1], low=0, high=1)
    (1.0, 0.0)
    """
    read = np.asarray(values, np.float64)
    if len(read) < 2 or not ((read >= low) & (read <= high)).all():
        raise AnswerError(
            f"Samples must be two or more readings in [{low:g}, {high:g}], got {read.tolist()}."
        )
    return float(np.clip(1.0 - 2.0 * float(read.std()) / (high - low), 0.0, 1.0))
