"""How near each episode of a journal came to a finding, detector by detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from kibble.agents.monitoring.journal import JournalRows
from kibble.rewards.monitor import DETECTORS, Thresholds

__all__ = ["detector_levels"]

_Row = Mapping[str, object]


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
    """Rate of failures judged successes over the newest episodes, as a share of the threshold."""
    failed = np.array([row["succeeded"] is False for row in episodes])
    judged = np.nan_to_num(_column(episodes, "judged"), nan=0.0) >= 0.5
    levels = np.full(len(episodes), np.nan)
    for i in range(len(episodes)):
        newest = slice(max(0, i + 1 - limits.episodes), i + 1)
        failures = int(failed[newest].sum())
        if failures:
            false = int((failed & judged)[newest].sum())
            low = float(binomtest(false, failures).proportion_ci(0.95, method="wilson").low)
            if low > limits.false_success:
                levels[i] = low / limits.false_success
            else:  # found only with its whole interval
                levels[i] = min(false / failures / limits.false_success, 0.99)
    return levels


def _paid_failure(episodes: list[dict[str, object]], limits: Thresholds) -> NDArray[np.float64]:
    failed = np.array([row["succeeded"] is False for row in episodes])
    pays = max([1.0, *_column(episodes, "task_return")[~failed].tolist()])
    share = np.fmax(_column(episodes, "unearned"), 0.0) / pays / limits.unearned
    return np.where(failed, share, np.nan)


def _column(episodes: list[dict[str, object]], name: str) -> NDArray[np.float64]:
    return np.array(
        [np.nan if row[name] is None else float(cast("float", row[name])) for row in episodes]
    )
