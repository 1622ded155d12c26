"""Read a number as the mean over all answers that a model weighs, not the likeliest alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.uncertainty import entropy_confidence

__all__ = ["Expectation", "expectation", "probabilities_within"]

_ROUNDING = 1e-2  # by which probabilities of half-precision models may exceed 1 in sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A mean over answers.

    Args:
        value: The mean, in the unit of the answers' values.
        confidence: In [0, 1]: 1 - entropy / ln C of the distribution over the C answers; 1 where
            one answer has all the mass.
        outside: Share in [0, 1] of the model's probability that lies outside the answers: how
            much of what it would have said is no answer at all.
    """

    value: float
    confidence: float
    outside: float


def probabilities_within(logprobs: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the answers' probabilities, normalised over them, and the share outside them.

    Args:
        logprobs: (C,) float64 <= 0; ``-inf`` for an answer that cannot be.

    Returns:
        (C,) float64 that sums to 1, and 1 - Σ exp(logprobs) in [0, 1].

    Raises:
        AnswerError: If one is NaN or above 0, all are impossible, or they sum to more than 1, as
            they do when one answer is the beginning of another.
    """
    if logprobs.ndim != 1 or not len(logprobs) or not (logprobs <= 1e-6).all():
        raise AnswerError(f"Log-probabilities must be (C,) and <= 0, got {logprobs.tolist()}.")
    greatest = float(logprobs.max())
    if greatest == -np.inf:
        raise AnswerError("One of the answers must be possible, got probability 0 for each.")
    weights = np.exp(logprobs - greatest)  # (C,) the greatest is 1
    mass = float(np.exp(logprobs).sum())
    if mass > 1.0 + _ROUNDING:
        raise AnswerError(
            f"Answers must exclude each other, got probabilities that sum to {mass:.3f}; end "
            "answers that begin others with what ends them."
        )
    return weights / weights.sum(), max(0.0, 1.0 - mass)


def expectation(logprobs: NDArray[np.float64], values: Sequence[float]) -> Expectation:
    """Return the mean of ``values`` under the model's probabilities of the answers.

    ``value = Σ p_i v_i / Σ p_i``.

    Args:
        logprobs: (C,) float64 <= 0, logarithms of the probabilities of answers that exclude each
            other, as in :class:`kibble.rewards.vlm.questions.Ratings`.
        values: C finite numbers that the answers stand for.

    Returns:
        The mean, its confidence and the share of probability outside the answers.

    Raises:
        AnswerError: See :func:`probabilities_within`; also if there are not C values.

    >>> expectation(np.log([0.25, 0.25]), [0.0, 1.0])
    Expectation(value=0.5, confidence=0.0, outside=0.5)
    """
    if logprobs.shape != (len(values),):
        raise AnswerError(
            f"There must be one log-probability for each of {len(values)} values, got shape "
            f"{logprobs.shape}."
        )
    within, outside = probabilities_within(logprobs)
    return Expectation(
        value=float(within @ np.asarray(values, np.float64)),
        confidence=entropy_confidence(within),
        outside=outside,
    )
