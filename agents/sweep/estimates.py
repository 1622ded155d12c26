"""Interval estimates of runs on several tasks: what few seeds allow to be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, trim_mean

__all__ = ["Estimate", "Estimates", "interquartile_mean", "probability_of_improvement"]

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its interval.

    Args:
        value: The figure.
        low: Lower end of the interval, or None where a task has a single run.
        high: Upper end, likewise.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """How intervals are made: a stratified percentile bootstrap.

    The runs of each task are drawn with replacement from that task's runs, so every resample has
    as many runs of each task as were trained; the interval says how the figure would vary with
    other seeds on the same tasks. Tasks may have different numbers of runs.

    Args:
        seed: Seed of the resamples.
        resamples: How many.
        confidence: Coverage of the intervals, in (0, 1).

    Source:
        Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
        Precipice", section 4 and appendix A; the definitions are those of its library rliable 1.2.
    """

    seed: int = 0
    resamples: int = 10_000
    confidence: float = 0.95

    def iqm(self, tasks: Sequence[Scores]) -> Estimate:
        """Estimate the interquartile mean of all runs of all tasks.

        Args:
            tasks: Scores of the runs of each task, (R_i,) float64, R_i at least 1.
        """
        value = float(interquartile_mean(*tasks))
        low, high = self._interval(tasks, interquartile_mean)
        return Estimate(value=value, low=_number(low), high=_number(high))

    def iqm_curve(self, tasks: Sequence[Scores]) -> tuple[Scores, Scores, Scores]:
        """Estimate the interquartile mean at every point of curves.

        Args:
            tasks: Curves of the runs of each task, (R_i, T) float64.

        Returns:
            Value, lower and upper ends, (T,) float64 each; the ends are NaN where a task has a
            single run. Whole curves are resampled, intervals hold for each point by itself.
        """
        columns = [curves.T for curves in tasks]  # (T, R_i) each
        low, high = self._interval(columns, interquartile_mean)
        return interquartile_mean(*columns), low, high

    def improvement(self, better: Sequence[Scores], worse: Sequence[Scores]) -> Estimate:
        """Estimate how likely a run of one method beats a run of another, over tasks.

        Args:
            better: Scores of the first method's runs of each task, (R_i,) float64.
            worse: Scores of the second's on the same tasks, (S_i,) float64.
        """
        count = len(better)

        def statistic(*samples: Scores, axis: int = -1) -> Scores:
            return probability_of_improvement(samples[:count], samples[count:])

        value = float(probability_of_improvement(better, worse))
        low, high = self._interval([*better, *worse], statistic)
        return Estimate(value=value, low=_number(low), high=_number(high))

    def _interval(
        self, samples: Sequence[Scores], statistic: Callable[..., Scores]
    ) -> tuple[Scores, Scores]:
        if min(sample.shape[-1] for sample in samples) < 2:
            nothing = np.full(samples[0].shape[:-1], np.nan)
            return nothing, nothing
        interval = bootstrap(
            tuple(samples),
            statistic,
            axis=-1,
            vectorized=True,
            method="percentile",
            n_resamples=self.resamples,
            confidence_level=self.confidence,
            batch=1_000,
            rng=np.random.default_rng(self.seed),
        ).confidence_interval
        return np.asarray(interval.low), np.asarray(interval.high)


def interquartile_mean(*tasks: Scores, axis: int = -1) -> Scores:
    """Return the mean of what is left when a quarter is cut off at either end.

    All runs of all tasks are pooled; ⌊n / 4⌋ of n are cut off below and as many above.

    Args:
        tasks: Scores of the runs of each task, runs along ``axis``.
        axis: The axis of the runs.

    >>> scores = np.array([0.0, 0.2, 0.4, 1.0])
    >>> round(float(interquartile_mean(scores)), 3)
    0.3
    """
    return np.asarray(trim_mean(np.concatenate(tasks, axis=axis), 0.25, axis=axis))


def probability_of_improvement(better: Sequence[Scores], worse: Sequence[Scores]) -> Scores:
    """Return the mean over tasks of P(X > Y) + ½ P(X = Y) for a run X of one and Y of the other.

    Args:
        better: Scores of the first method's runs of each task, (…, R_i).
        worse: Scores of the second's on the same tasks, (…, S_i).

    Source:
        Agarwal et al. 2021, equation 2: the Mann-Whitney U statistic over R_i S_i.

    >>> x, y = np.array([0.9, 0.5]), np.array([0.5, 0.1])
    >>> float(probability_of_improvement([x], [y]))
    0.875
    """
    shares = []
    for x, y in zip(better, worse, strict=True):
        wins = (x[..., :, None] > y[..., None, :]) + 0.5 * (x[..., :, None] == y[..., None, :])
        shares.append(wins.mean(axis=(-2, -1)))
    return np.asarray(np.mean(shares, axis=0))


def _number(value: Scores) -> float | None:
    return None if np.isnan(value) else float(value)
