"""The report's pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from kibble.agents.benchmark.pictures.style import GREY, INK, colours_of, new_figure, save, tidy
from kibble.agents.sweep.curves import Curve
from kibble.agents.sweep.estimates import Estimate
from kibble.agents.sweep.table import ALL_TASKS, Row

__all__ = ["plot_curves", "plot_improvement", "plot_success"]

_COLUMNS = 3


def plot_curves(
    panels: Mapping[tuple[str, str], Mapping[str, Curve]],
    baselines: Sequence[str],
    path: Path,
    *,
    window: int,
    note: str,
    runs: bool,
) -> None:
    """Draw success in training: a line and a band for each method.

    Args:
        panels: (title, label of the axis) to method to curve; at least one.
        baselines: Methods that are drawn pale.
        path: The picture.
        window: Episodes that a point is a mean of.
        note: What line and band are.
        runs: Whether to draw every run behind them.
    """
    methods = list(dict.fromkeys(method for curves in panels.values() for method in curves))
    colours = colours_of(methods, baselines)
    columns = min(len(panels), _COLUMNS)
    rows = -(-len(panels) // columns)
    figure = new_figure(1.0 + 3.6 * columns, 0.9 + 2.8 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for index, ((title, label), curves) in enumerate(panels.items()):
        axes = grid.flat[index]
        for method, curve in curves.items():
            _draw_curve(axes, curve, colours[method], method, runs=runs)
        axes.set_ylim(-2, 103)
        axes.set_xlim(left=0)
        axes.set_title(title, fontsize=10, loc="left", color=INK)
        axes.set_xlabel(label, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.grid(alpha=0.25)
        tidy(axes)
        if index % columns == 0:
            axes.set_ylabel(f"success of {window} episodes, %", fontsize=9)
    handles: dict[str, Artist] = {}
    for axes in grid.flat[: len(panels)]:
        lines, names = axes.get_legend_handles_labels()
        handles.update(zip(names, lines, strict=True))
    figure.legend(
        handles=[handles[name] for name in methods],
        labels=methods,
        loc="outside upper left",
        ncols=min(len(methods), 2 * columns),
        frameon=False,
        fontsize=9,
    )
    _explain(figure, note)
    save(figure, path)


def plot_success(rows: Sequence[Row], baselines: Sequence[str], path: Path, *, note: str) -> None:
    """Draw the success of each method on each task: its interval, its runs' mean, the worst.

    Args:
        rows: At least one.
        baselines: Methods that are drawn pale.
        path: The picture.
        note: What the marks are.
    """
    tasks = list(dict.fromkeys(row.task for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    colours = colours_of(methods, baselines)
    columns = min(len(tasks), _COLUMNS)
    lines = -(-len(tasks) // columns)
    figure = new_figure(1.8 + 2.7 * columns, 0.7 + (0.75 + 0.36 * len(methods)) * lines)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(tasks) :]:
        axes.set_visible(False)
    for axes, task in zip(grid.flat, tasks, strict=False):
        for row in rows:
            if row.task == task:
                place = methods.index(row.method)
                _draw_interval(axes, place, row.iqm, colours[row.method])
                if task != ALL_TASKS:  # there the worst run is one of the hardest task
                    axes.plot(100 * row.worst, place, "|", color=INK, markersize=7, zorder=4)
        axes.set_title(task, fontsize=10, loc="left", color=INK)
        _share_axis(axes, methods)
        axes.xaxis.set_tick_params(labelbottom=True)
    figure.suptitle("Success in evaluation, %", fontsize=10, x=0.01, ha="left")
    _explain(figure, note)
    save(figure, path)


def plot_improvement(
    improvements: Mapping[tuple[str, str], Estimate], path: Path, *, note: str
) -> None:
    """Draw how likely a run of one method beats a run of another.

    Args:
        improvements: (method, other method) to the probability; at least one pair.
        path: The picture.
        note: What the marks are.
    """
    figure = new_figure(6.4, 1.1 + 0.36 * len(improvements))
    axes = figure.add_subplot()
    for place, estimate in enumerate(improvements.values()):
        _draw_interval(axes, place, estimate, "#1b6ca8")
    axes.axvline(50, color=GREY, linewidth=1, linestyle="--", zorder=0)
    _share_axis(axes, [f"{better}  over  {worse}" for better, worse in improvements])
    figure.suptitle(
        "How probably a run of the one beats a run of the other, %", fontsize=10, x=0.01, ha="left"
    )
    _explain(figure, note)
    save(figure, path)


def _draw_curve(axes: Axes, curve: Curve, colour: str, label: str, *, runs: bool) -> None:
    for run in curve.runs if runs else ():
        axes.plot(curve.x, 100 * run, color=colour, linewidth=0.6, alpha=0.35)
    axes.plot(curve.x, 100 * curve.value, color=colour, linewidth=2.0, label=label)
    if not np.isnan(curve.low).any():
        band = (100 * curve.low, 100 * curve.high)
        axes.fill_between(curve.x, *band, color=colour, alpha=0.18, linewidth=0)


def _draw_interval(axes: Axes, place: int, estimate: Estimate, colour: str) -> None:
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    axes.barh(place, 100 * (high - low), left=100 * low, height=0.55, color=colour, alpha=0.45)
    value = 100 * estimate.value
    axes.plot([value, value], [place - 0.34, place + 0.34], color=colour, linewidth=2.6)
    axes.annotate(f"{value:.0f}", (104, place), fontsize=8, color=INK, va="center", ha="left")


def _share_axis(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(-3, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.grid(axis="x", alpha=0.25)
    tidy(axes)


def _explain(figure: Figure, note: str) -> None:
    """Put a note below, in as many lines as the width asks for."""
    text = textwrap.fill(note, int(13 * figure.get_figwidth()))
    figure.supxlabel(text, fontsize=8, color=GREY, x=0.01, ha="left")


def _thousands(value: float, place: int | None) -> str:
    """Write a count of the axis.

    >>> _thousands(1500, None), _thousands(150, None)
    ('1.5k', '150')
    """
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"
