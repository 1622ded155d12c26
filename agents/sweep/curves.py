"""Success in training against steps and rollouts, of several runs on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kibble.agents.episode_log import EpisodeRecord
from kibble.agents.evaluation_plots import success_curve
from kibble.agents.sweep.estimates import Estimates

__all__ = ["Against", "Curve", "curve_of"]

Against = Literal["steps", "rollouts"]
_POINTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The interquartile mean of runs with its interval, along training.

    Args:
        x: Environment steps or finished episodes, (T,) float64.
        value: Share of successes in the last episodes before x, (T,) float64 in [0, 1].
        low: Lower end of the interval, (T,) float64; NaN where a task has a single run.
        high: Upper end, likewise.
        runs: The curves that went into it, (R, T) float64.
    """

    x: NDArray[np.float64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    runs: NDArray[np.float64]

    def as_json(self) -> dict[str, list[float | None]]:
        """``{"x", "value", "low", "high"}``; what is not known is null."""
        parts = {"x": self.x, "value": self.value, "low": self.low, "high": self.high}
        return {
            name: [None if np.isnan(item) else round(float(item), 5) for item in row]
            for name, row in parts.items()
        }


def curve_of(
    tasks: Sequence[Sequence[Sequence[EpisodeRecord]]],
    *,
    against: Against,
    window: int,
    estimates: Estimates,
) -> Curve | None:
    """Put the runs of one method on one axis.

    Each run counts with the success of its last ``window`` episodes at or before a point. The axis
    goes from where every run has had so many to where the first run ended.

    Args:
        tasks: For each task the episodes of each run.
        against: What the axis counts.
        window: Episodes that a point is a mean of; of all episodes of the shortest run where that
            has fewer.
        estimates: How intervals are made.

    Returns:
        The curve, or None where a run has no episode of known success.
    """
    known = [sum(e.success is not None for e in episodes) for runs in tasks for episodes in runs]
    window = min(window, *known) if known else 0
    if window == 0:
        return None
    curves = [[_one(episodes, against, window) for episodes in runs] for runs in tasks]
    flat = [curve for runs in curves for curve in runs]
    first, last = max(c[window - 1, 0] for c in flat), min(c[-1, 0] for c in flat)
    if last < first:
        return None
    x = np.linspace(first, last, _POINTS)  # (T,)
    stacked = [np.stack([_at(curve, x) for curve in runs]) for runs in curves]  # (R_i, T) each
    value, low, high = estimates.iqm_curve(stacked)
    return Curve(x=x, value=value, low=low, high=high, runs=np.concatenate(stacked))


def _one(episodes: Sequence[EpisodeRecord], against: Against, window: int) -> NDArray[np.float64]:
    curve = success_curve(episodes, window)  # (M, 2)
    if against == "rollouts":
        curve[:, 0] = [episode.index + 1 for episode in episodes if episode.success is not None]
    return curve


def _at(curve: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value that held at each x."""
    places = np.searchsorted(curve[:, 0], x, side="right") - 1
    return np.asarray(curve[np.maximum(places, 0), 1])
