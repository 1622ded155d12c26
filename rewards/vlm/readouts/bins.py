"""Read regression heads: a number from logits over bins, a probability from one logit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.expectation import Expectation
from kibble.rewards.vlm.readouts.uncertainty import entropy_confidence

__all__ = ["expected_bin", "logistic"]


def expected_bin(logits: NDArray[np.float32]) -> Expectation:
    """Return the mean of B evenly spaced values 0, 1/(B - 1), … 1 under softmax(logits).

    Args:
        logits: (B,), B >= 2, finite.

    Returns:
        The mean in [0, 1] and its confidence; nothing lies outside bins.

    Raises:
        AnswerError: If a logit is NaN or infinite, or the shape is another.

    Source:
        Robometer, github.com/robometer/robometer: ten bins, ``linspace(0, 1, 10)``.

    >>> expected_bin(np.zeros(10, np.float32)).value
    0.5
    """
    if logits.ndim != 1 or len(logits) < 2 or not np.isfinite(logits).all():
        raise AnswerError(f"Logits must be (B,) and finite, got {logits.tolist()}.")
    weights = np.exp(logits.astype(np.float64) - float(logits.max()))
    within = weights / weights.sum()
    value = float(within @ np.linspace(0.0, 1.0, len(within)))
    return Expectation(
        value=float(np.clip(value, 0.0, 1.0)),
        confidence=entropy_confidence(within),
        outside=0.0,
    )


def logistic(logit: float) -> float:
    """Return ``1 / (1 + exp(-logit))``, in [0, 1].

    Raises:
        AnswerError: If the logit is NaN.

    >>> logistic(0.0)
    0.5
    """
    if np.isnan(logit):
        raise AnswerError("A logit must be a number, got NaN.")
    half = float(np.tanh(0.5 * logit))
    return 0.5 * (1.0 + half)
