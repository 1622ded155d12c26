"""How near each episode of a journal came to a finding, detector by detector."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from kibble.agents.monitoring.journal import JournalRows
from kibble.rewards.monitor import DETECTORS, Thresholds
from kibble.rewards.monitor.over_episodes import LEAST_FAILURES

__all__ = ["detector_levels"]

_ALMOST = 0.99


def detector_levels(rows: JournalRows, thresholds: Thresholds) -> dict[str, NDArray[np.float64]]:
    """Return each detector's measure as a share of its threshold: 1 is a finding.

    Where a journal has a finding its episode is at 1 at least. ``divergence`` is 0 elsewhere.

    Args:
        rows: The journal.
        thresholds: What a finding is.

    Returns:
        Detector to (E,) float64, >= 0; NaN where an episode tells nothing.
    """
    episodes = rows.episodes
    levels = {
        "oscillating_progress": _column(episodes, "falls") / thresholds.falls,
        "frozen_progress": _column(episodes, "still") / thresholds.still,
        "disagreement": _column(episodes, "disagreement") / thresholds.disagreement,
        "reward_collapse": thresholds.spread / np.maximum(_column(episodes, "spread"), 1e-9),
        "false_success": _false_success(episodes, thresholds),
        "paid_failure": _paid_failure(episodes, thresholds),
        "divergence": np.zeros(len(episodes)),
    }
    numbers = {cast("int", row["number"]): i for i, row in enumerate(episodes)}
    for finding in rows.findings:
        place = numbers.get(cast("int", finding["episode"]))
        if place is not None:
            level = levels[str(finding["detector"])]
            level[place] = np.fmax(level[place], 1.0)
    assert set(levels) == set(DETECTORS)
    return levels


def _false_success(episodes: list[dict[str, object]], limits: Thresholds) -> NDArray[np.float64]:
    """Rate of failures judged successes; 1 or more only where its whole interval lies above."""
    probability = _column(episodes, "judged")  # NaN where the model gave none
    failed = np.array([row["succeeded"] is False for row in episodes]) & ~np.isnan(probability)
    judged = probability >= 0.5
    levels = np.full(len(episodes), np.nan)
    for i in range(len(episodes)):
        newest = slice(max(0, i + 1 - limits.episodes), i + 1)
        failures, false = int(failed[newest].sum()), int((failed & judged)[newest].sum())
        if failures == 0:
            continue
        low = float(binomtest(false, failures).proportion_ci(0.95, method="wilson").low)
        found = failures >= LEAST_FAILURES and low > limits.false_success
        level = (low if found else false / failures) / limits.false_success
        levels[i] = level if found else min(level, _ALMOST)
    return levels


def _paid_failure(episodes: list[dict[str, object]], limits: Thresholds) -> NDArray[np.float64]:
    """Mean pay of failures beyond any potential; 1 or more only where there are enough of them."""
    failed = np.array([row["succeeded"] is False for row in episodes])
    unearned = _column(episodes, "unearned")
    pays = max([1.0, *_column(episodes, "task_return")[~failed].tolist()])
    levels = np.full(len(episodes), np.nan)
    for i in range(len(episodes)):
        newest = slice(max(0, i + 1 - limits.episodes), i + 1)
        among = unearned[newest][failed[newest]]
        if len(among):
            level = max(0.0, float(among.mean())) / pays / limits.unearned
            levels[i] = level if len(among) >= LEAST_FAILURES else min(level, _ALMOST)
    return levels


def _column(episodes: list[dict[str, object]], name: str) -> NDArray[np.float64]:
    return np.array(
        [np.nan if row[name] is None else float(cast("float", row[name])) for row in episodes]
    )
