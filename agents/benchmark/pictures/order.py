"""Order in time beside its controls, and example videos read by every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist

from kibble.agents.benchmark.measures.evidence import Measured
from kibble.agents.benchmark.pictures.style import GREY, INK, colours_of, new_figure, save, tidy
from kibble.agents.benchmark.readings import Readings
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.metrics.bootstrap import Figure

__all__ = ["plot_curves", "plot_order"]

_CONTROLS = {
    "voc_forward": "forward",
    "voc_reversed": "reversed",
    "voc_shuffled": "shuffled",
    "voc_frozen": "frozen",
}
_IDEAL = {"voc_forward": 1.0, "voc_reversed": -1.0, "voc_shuffled": 0.0, "voc_frozen": 0.0}
_KINDS = ("success", "regress", "near_miss", "wrong_object", "recorded")
_MOST_TASKS = 3


def plot_order(measured: Mapping[str, Measured], baselines: Sequence[str], path: Path) -> bool:
    """Draw value-order correlation forward, reversed, shuffled and frozen, with the ideal.

    Returns:
        Whether there was anything to draw.
    """
    models = [
        name
        for name, figures in measured.items()
        if isinstance(figures.get("voc_forward"), Figure)
    ]
    if not models:
        return False
    colours = colours_of(list(measured), baselines)
    figure = new_figure(7.2, 3.6)
    axes = figure.add_subplot()
    width = 0.8 / len(models)
    for group, (key, ideal) in enumerate(_IDEAL.items()):
        label = "ideal" if group == 0 else "_nolegend_"
        axes.hlines(
            ideal, group - 0.46, group + 0.46, color=INK, linestyle=(0, (4, 3)), label=label
        )
        for place, name in enumerate(models):
            value = measured[name].get(key)
            if not isinstance(value, Figure):
                continue
            x = group - 0.4 + (place + 0.5) * width
            bar_label = name if group == 0 else None
            axes.bar(x, value.value, width=0.9 * width, color=colours[name], label=bar_label)
            error = [[value.value - value.low], [value.high - value.value]]
            axes.errorbar(x, value.value, error, color=INK, capsize=2, linewidth=1.0)
    axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.set_xticks(range(len(_CONTROLS)), list(_CONTROLS.values()))
    axes.set_ylim(-1.08, 1.08)
    axes.set_ylabel("correlation of progress with time")
    tidy(axes)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    save(figure, path)
    return True


def plot_curves(
    trials: Sequence[Trial],
    readings: Mapping[str, Readings],
    baselines: Sequence[str],
    path: Path,
) -> bool:
    """Draw progress over time in one episode of each kind and task, the truth in black.

    Args:
        trials: The trials.
        readings: Model to its readings.
        baselines: Which of the models are baselines.
        path: The picture.

    Returns:
        Whether there was anything to draw.
    """
    tasks = list(dict.fromkeys(trial.task for trial in trials))[-_MOST_TASKS:]
    kinds = [kind for kind in _KINDS if any(trial.kind == kind for trial in trials)]
    if not kinds:
        return False
    colours = colours_of(list(readings), baselines)
    figure = new_figure(3.5 * len(tasks), 2.1 * len(kinds) + 0.4)
    grid = figure.subplots(len(kinds), len(tasks), squeeze=False, sharey=True)
    for row, kind in enumerate(kinds):
        for column, task in enumerate(tasks):
            axes = grid[row][column]
            tidy(axes)
            axes.set_ylim(-0.04, 1.04)
            found = [i for i, t in enumerate(trials) if t.kind == kind and t.task == task]
            if not found:
                axes.set_axis_off()
                continue
            trial = trials[found[0]]
            for name, each in readings.items():
                own = each.own(found[0])
                if own is not None:
                    pale = name in baselines
                    axes.plot(
                        own.progress,
                        color=colours[name],
                        linewidth=0.9 if pale else 1.8,
                        zorder=2 if pale else 3,
                        label=name,
                    )
            if trial.own_progress is not None:
                truth = np.asarray(trial.own_progress)
                axes.plot(truth, color=INK, linewidth=1.4, linestyle=(0, (5, 2)), label="oracle")
            if trial.own_success is not None and trial.own_success.any():
                met = np.flatnonzero(trial.own_success)
                axes.plot(
                    met, np.full(len(met), 1.03), "|", color=INK, markersize=3, clip_on=False
                )
            title = f"{kind.replace('_', ' ')}: {trial.sentences[trial.goal][0]}"
            axes.set_title(title[:58], fontsize=7.5, loc="left")
            if row == len(kinds) - 1:
                axes.set_xlabel("frame", fontsize=8)
            if column == 0:
                axes.set_ylabel("progress", fontsize=8)
    handles: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside upper center",
        ncols=len(handles),
        frameon=False,
        fontsize=8,
    )
    figure.supxlabel("ticks above a panel: the goal is met", fontsize=7, color=GREY)
    save(figure, path)
    return True
