"""Pictures of an evaluation: success bars with intervals, and learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kibble.agents.episode_log import EpisodeRecord
from kibble.agents.evaluation_summary import RunSummary

__all__ = ["plot_learning_curves", "plot_success", "success_curve"]

_COLOURS = ("#1b6ca8", "#d1495b", "#3c8d40", "#8661c1", "#c7811c", "#4a4a4a")


def plot_success(summaries: Sequence[RunSummary], path: Path) -> None:
    """Draw the success rate of each run with its interval."""
    figure = Figure(figsize=(2.0 + 1.3 * len(summaries), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for place, summary in enumerate(summaries):
        success = summary.pooled.success
        if success is None:
            continue
        colour = _colour([item.reward for item in summaries], summary.reward)
        axes.bar(place, 100 * success.rate, width=0.6, color=colour)
        error = [[100 * (success.rate - success.low)], [100 * (success.high - success.rate)]]
        axes.errorbar(place, 100 * success.rate, error, color="black", capsize=4)
    labels = [f"{s.task}\n{s.reward}, seed {s.seed}" for s in summaries]
    axes.set_xticks(range(len(summaries)), labels, fontsize=8)
    axes.set_ylim(0, 103)
    axes.set_ylabel("success, %")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def plot_learning_curves(
    runs: Mapping[str, Sequence[EpisodeRecord]],
    rewards: Mapping[str, str],
    path: Path,
    *,
    window: int = 25,
) -> bool:
    """Draw success in training against environment steps.

    Args:
        runs: Run to its finished episodes.
        rewards: Run to the name of its reward; runs of one reward share a colour.
        path: The picture.
        window: Episodes that each point is a mean of.

    Returns:
        Whether anything was drawn: without known successes there is nothing to draw.
    """
    curves = {run: success_curve(records, window) for run, records in runs.items()}
    curves = {run: curve for run, curve in curves.items() if len(curve)}
    if not curves:
        return False
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    named: set[str] = set()
    for run, curve in curves.items():
        reward = rewards[run]
        label = None if reward in named else reward
        named.add(reward)
        colour = _colour(list(rewards.values()), reward)
        axes.plot(curve[:, 0], 100 * curve[:, 1], color=colour, label=label, linewidth=1.8)
    axes.set_ylim(-2, 103)
    axes.set_xlim(left=0)
    axes.set_xlabel("environment steps")
    axes.set_ylabel(f"success in training, %, mean of {window} episodes")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, title="reward")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    return True


def success_curve(records: Sequence[EpisodeRecord], window: int) -> NDArray[np.float64]:
    """Return (steps, success rate over the last ``window`` episodes) rows, (M, 2)."""
    known = [record for record in records if record.success is not None]
    if not known:
        return np.empty((0, 2))
    sums = np.cumsum([0.0, *(float(bool(record.success)) for record in known)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - window, 0)
    rates = (sums[ends] - sums[starts]) / (ends - starts)
    return np.stack([np.array([record.steps for record in known], np.float64), rates], axis=1)


def _colour(names: Sequence[str], name: str) -> str:
    return _COLOURS[list(dict.fromkeys(names)).index(name) % len(_COLOURS)]
