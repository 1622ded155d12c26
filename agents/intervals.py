"""Interval estimates of success rates."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binomtest

__all__ = ["Proportion", "wilson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """A share of successes with its interval.

    Args:
        successes: How many succeeded.
        episodes: Of how many.
        rate: successes / episodes.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    successes: int
    episodes: int
    rate: float
    low: float
    high: float


def wilson(successes: int, episodes: int, *, confidence: float = 0.95) -> Proportion:
    """Return a share of successes with Wilson's score interval.

    Args:
        successes: How many succeeded, 0 to ``episodes``.
        episodes: How many there were, at least 1.
        confidence: Coverage of the interval.

    Raises:
        ValueError: If the counts are impossible.

    Source:
        Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".

    >>> share = wilson(9, 10)
    >>> round(share.low, 4), round(share.high, 4)
    (0.5958, 0.9821)
    """
    if episodes < 1 or not 0 <= successes <= episodes:
        raise ValueError(
            f"`successes` must lie in [0, episodes] with episodes at least 1, got {successes} "
            f"of {episodes}."
        )
    interval = binomtest(successes, episodes).proportion_ci(confidence, method="wilson")
    return Proportion(
        successes=successes,
        episodes=episodes,
        rate=successes / episodes,
        low=float(interval.low),
        high=float(interval.high),
    )
