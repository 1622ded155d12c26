"""Are better outcomes read as better? Pairs of rollouts of one task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["PairCounts", "compare_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCounts:
    """How a model orders pairs of rollouts whose true grades differ.

    Args:
        concordant: Pairs ordered like the truth.
        discordant: Pairs ordered the other way round.
        tied: Pairs that the model reads alike.
    """

    concordant: int
    discordant: int
    tied: int

    def __add__(self, other: PairCounts) -> PairCounts:
        """Pool the pairs of two tasks."""
        return PairCounts(
            concordant=self.concordant + other.concordant,
            discordant=self.discordant + other.discordant,
            tied=self.tied + other.tied,
        )

    @property
    def pairs(self) -> int:
        """How many pairs count."""
        return self.concordant + self.discordant + self.tied

    @property
    def kendall_tau_a(self) -> float:
        """τ-a = (C - D) / (C + D + ties of the model); NaN without a pair.

        Pairs of equal true grade do not count. A tie of the model counts in the denominator alone,
        so reading everything alike gives 0.
        """
        return (self.concordant - self.discordant) / self.pairs if self.pairs else float("nan")

    @property
    def pairwise_accuracy(self) -> float:
        """Share of pairs ordered rightly, (C + ties / 2) / pairs = (τ-a + 1) / 2; NaN without."""
        right = self.concordant + 0.5 * self.tied
        return right / self.pairs if self.pairs else float("nan")


def compare_pairs(grades: ArrayLike, readings: ArrayLike) -> PairCounts:
    """Count how readings order pairs of rollouts of one task.

    Args:
        grades: (N,) true outcomes, such as 0 failed, 1 partial, 2 successful.
        readings: (N,) final progress of the model.

    Returns:
        The counts over all pairs whose grades differ.

    Raises:
        ValueError: If shapes differ or a value is not finite.

    Source:
        Kendall 1938, "A New Measure of Rank Correlation".

    >>> counts = compare_pairs([0, 1, 2, 2], [0.1, 0.6, 0.5, 0.9])
    >>> counts.concordant, counts.discordant, counts.tied
    (4, 1, 0)
    >>> counts.kendall_tau_a, counts.pairwise_accuracy
    (0.6, 0.8)
    """
    truth, read = np.asarray(grades, np.float64), np.asarray(readings, np.float64)
    if truth.shape != read.shape or truth.ndim != 1:
        raise ValueError(
            f"`grades` and `readings` must have one shape (N,), got {truth.shape} and "
            f"{read.shape}."
        )
    if not (np.isfinite(truth).all() and np.isfinite(read).all()):
        raise ValueError("`grades` and `readings` must be finite, got NaN or infinity.")
    first, second = np.triu_indices(len(truth), k=1)
    true_sign = np.sign(truth[first] - truth[second])
    agreement = true_sign * np.sign(read[first] - read[second])
    counts = true_sign != 0.0
    return PairCounts(
        concordant=int((agreement > 0.0).sum()),
        discordant=int((agreement < 0.0).sum()),
        tied=int((counts & (agreement == 0.0)).sum()),
    )
