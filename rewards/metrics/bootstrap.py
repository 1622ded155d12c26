"""Percentile intervals by resampling whole episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figure", "bootstrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value with its interval.

    Args:
        value: The statistic of all episodes.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: How many episodes it rests on.
    """

    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, float | int]:
        """``{"value", "low", "high", "n"}``."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float],
    episodes: int,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Figure | None:
    """Measure a statistic of episodes with its bootstrap percentile interval.

    Episodes are drawn with replacement, never frames: the frames of one episode resemble each
    other, and an interval that takes them for independent is too narrow. A resample in which the
    statistic is not defined (NaN), such as one without any success, is left out.

    Args:
        statistic: From the (M,) indices of the episodes drawn, repetitions included, to a value,
            NaN where it is not defined.
        episodes: How many there are.
        rng: Source of the resamples.
        resamples: How many.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The figure, or ``None`` where the statistic of all episodes is not defined. The interval is
        widened to hold the value where need be.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; Field and Welsh
        2007 for resampling clusters.

    >>> heights = np.array([1.0, 2.0, 3.0, 4.0])
    >>> mean = lambda drawn: float(heights[drawn].mean())
    >>> figure = bootstrap(mean, 4, rng=np.random.default_rng(0))
    >>> figure.value, 1.0 < figure.low < 2.5 < figure.high < 4.0
    (2.5, True)
    """
    if resamples < 1 or not 0.0 < confidence < 1.0 or episodes < 0:
        raise ValueError(
            "`resamples` must be 1 or more, `confidence` in (0, 1) and `episodes` 0 or more, got "
            f"{resamples}, {confidence} and {episodes}."
        )
    if episodes == 0:
        return None
    value = float(statistic(np.arange(episodes)))
    if np.isnan(value):
        return None
    drawn = np.array([statistic(rng.integers(episodes, size=episodes)) for _ in range(resamples)])
    drawn = drawn[~np.isnan(drawn)]
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(drawn, [tail, 100.0 - tail]) if len(drawn) else (value, value)
    return Figure(
        value=value, low=min(float(low), value), high=max(float(high), value), n=episodes
    )
