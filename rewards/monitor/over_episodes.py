"""Detectors that need many episodes: pure functions of what became of the newest ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.stats import binomtest

__all__ = [
    "LEAST_FAILURES",
    "FalseSuccesses",
    "Trend",
    "WatchedEpisode",
    "false_successes",
    "trend",
    "unearned_pay",
]

LEAST_FAILURES = 8
"""True failures among the newest episodes below which nothing is said of failures."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedEpisode:
    """What a monitor keeps of a finished episode.

    Args:
        number: Of the episode in the run.
        slot: The environment that played it.
        step: Environment steps of all environments when it ended.
        length: Its steps.
        succeeded: Whether it truly succeeded: a primary reward above 0 in its last step; ``None``
            where the primary reward is paid in other steps too and tells nothing of success.
        judged: The reward model's last probability of success; NaN where it gave none.
        progress: Its last reading of progress; NaN likewise.
        task_return: Sum of primary rewards.
        model_return: Sum of all other terms.
        unearned: See :func:`unearned_pay`.
        falls: Most falls of progress in a window; see ``count_falls``.
        still: Most newest readings that did not react to motion; see ``still_readings``.
        disagreement: Mean distance of two readings of its frames; NaN where there is none.
    """

    number: int
    slot: int
    step: int
    length: int
    succeeded: bool | None
    judged: float
    progress: float
    task_return: float
    model_return: float
    unearned: float
    falls: int
    still: int
    disagreement: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FalseSuccesses:
    """How often true failures are judged successes.

    Args:
        failures: Episodes that truly failed and were judged.
        judged: Those of them that the model judged a success.
        rate: judged / failures; NaN without failures.
        low: Lower end of Wilson's 95 % interval; 0 without failures.
        high: Upper end; 1 without failures.
    """

    failures: int
    judged: int
    rate: float
    low: float
    high: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How a mean changed from the older to the newer half.

    Args:
        before: Mean of the older half.
        after: Mean of the newer half.
        z: The difference in standard errors; 0 where nothing varies and nothing changed.
    """

    before: float
    after: float
    z: float


def false_successes(episodes: Sequence[WatchedEpisode]) -> FalseSuccesses:
    """Count failures that the reward model judged a success, probability 1/2 or more.

    Source:
        Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    failed = [e for e in episodes if e.succeeded is False and not np.isnan(e.judged)]
    judged = sum(e.judged >= 0.5 for e in failed)
    if not failed:
        return FalseSuccesses(failures=0, judged=0, rate=np.nan, low=0.0, high=1.0)
    interval = binomtest(judged, len(failed)).proportion_ci(0.95, method="wilson")
    return FalseSuccesses(
        failures=len(failed),
        judged=judged,
        rate=judged / len(failed),
        low=float(interval.low),
        high=float(interval.high),
    )


def trend(values: Sequence[float]) -> Trend:
    """Compare the newer half of a series with its older half.

    >>> trend([0.0, 1.0, 4.0, 5.0])
    Trend(before=0.5, after=4.5, z=5.65685424949238)
    """
    half = len(values) // 2
    if half < 2:
        return Trend(before=np.nan, after=np.nan, z=0.0)
    old, new = np.asarray(values[:half], np.float64), np.asarray(values[half:], np.float64)
    difference = float(new.mean() - old.mean())
    error = float(np.sqrt(old.var(ddof=1) / len(old) + new.var(ddof=1) / len(new)))
    if error > 0.0:
        z = difference / error
    else:
        z = 0.0 if difference == 0.0 else float(np.copysign(np.inf, difference))
    return Trend(before=float(old.mean()), after=float(new.mean()), z=z)


def unearned_pay(paid: float, first: float, last: float) -> float:
    """Return what an episode was paid beyond what any potential could pay.

    U = sum_t gamma^t X_t - (gamma^T w_T Phi_T - w_0 Phi_0), X_t all that was paid beside the
    primary reward and Phi_T = 0 where the episode terminated. U is 0 to rounding under potential
    shaping, whatever the agent does and however wrong the reward model is. Where it is more than 0
    the way there was paid for, and can be farmed.

    Args:
        paid: sum_t gamma^t X_t.
        first: w_0 Phi_0.
        last: gamma^T w_T Phi_T, 0 where the episode terminated.

    Source:
        Ng, Harada and Russell 1999: the sum over an episode telescopes.
    """
    return paid - (last - first)
