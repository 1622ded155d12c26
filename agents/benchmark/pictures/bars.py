"""One picture per metric, and all of them on one page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kibble.agents.benchmark.measures.evidence import Measured
from kibble.agents.benchmark.metrics_shown import METRICS, Metric
from kibble.agents.benchmark.pictures.style import GREY, INK, colours_of, new_figure, save, tidy
from kibble.rewards.metrics.bootstrap import Figure

__all__ = ["plot_metric", "plot_overview"]

_COLUMNS = 4


def plot_metric(
    metric: Metric, measured: Mapping[str, Measured], baselines: Sequence[str], path: Path
) -> bool:
    """Draw one metric of every model as bars with intervals, and the level of a good model.

    Args:
        metric: What to draw.
        measured: Model to its figures.
        baselines: Which of the models are baselines.
        path: The picture.

    Returns:
        Whether there was anything to draw.
    """
    if not _drawable(metric, measured):
        return False
    figure = new_figure(max(3.6, 1.6 + 0.95 * len(measured)), 3.2)
    _draw(figure.add_subplot(), metric, measured, baselines, small=False)
    save(figure, path)
    return True


def plot_overview(measured: Mapping[str, Measured], baselines: Sequence[str], path: Path) -> bool:
    """Draw all metrics on one page.

    Returns:
        Whether there was anything to draw.
    """
    shown = [metric for metric in METRICS if _drawable(metric, measured)]
    if not shown:
        return False
    rows = math.ceil(len(shown) / _COLUMNS)
    figure = new_figure(3.1 * _COLUMNS, 1.9 * rows + 0.5)
    for place, metric in enumerate(shown):
        axes = figure.add_subplot(rows, _COLUMNS, place + 1)
        _draw(axes, metric, measured, baselines, small=True)
    colours = colours_of(list(measured), baselines)
    handles = [Patch(color=colour) for colour in colours.values()]
    figure.legend(
        handles, list(colours), loc="outside upper center", ncols=len(colours), frameon=False
    )
    figure.supxlabel("dashed: what a good model reaches", fontsize=8, color=GREY)
    save(figure, path)
    return True


def _drawable(metric: Metric, measured: Mapping[str, Measured]) -> bool:
    return any(isinstance(figures.get(metric.name), Figure) for figures in measured.values())


def _draw(
    axes: Axes,
    metric: Metric,
    measured: Mapping[str, Measured],
    baselines: Sequence[str],
    *,
    small: bool,
) -> None:
    colours = colours_of(list(measured), baselines)
    for place, (name, figures) in enumerate(measured.items()):
        figure = figures.get(metric.name)
        if not isinstance(figure, Figure):
            here = axes.get_xaxis_transform()
            axes.text(place, 0.02, "absent", transform=here, ha="center", fontsize=7, color=GREY)
            continue
        axes.bar(place, figure.value, width=0.68, color=colours[name])
        error = [[figure.value - figure.low], [figure.high - figure.value]]
        axes.errorbar(place, figure.value, error, color=INK, capsize=3, linewidth=1.1)
        if not small:
            _write_value(axes, place, figure, "{:.3g}" if metric.limits is None else "{:.3f}")
    _draw_level(axes, metric)
    if metric.limits is not None:
        axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.set_xlim(-0.6, len(measured) - 0.4)
    if metric.limits is not None:
        low, high = metric.limits
        room = 0.0 if small else 0.12 * (high - low)
        axes.set_ylim(low - (room if low < 0 else 0.0), high + max(room, 0.03 * (high - low)))
    else:
        axes.set_yscale("log")
        axes.margins(y=0.25)
    axes.set_title(metric.title, fontsize=8.5 if small else 10, loc="left")
    if not small and metric.level is not None:
        words = {"high": "at least", "low": "at most", "zero": "within ±"}[metric.best]
        axes.set_xlabel(f"dashed: a good model reaches {words} {metric.level:g}", fontsize=8)
    axes.set_xticks(range(len(measured)), [""] * len(measured) if small else list(measured))
    tidy(axes)
    if small:
        axes.tick_params(axis="x", length=0)


def _write_value(axes: Axes, place: int, figure: Figure, form: str) -> None:
    """Beside the interval's outer end."""
    down = figure.value < 0
    digits = f"{figure.value:.0f}" if abs(figure.value) >= 100 else form.format(figure.value)
    axes.annotate(
        digits,
        (place, figure.low if down else figure.high),
        xytext=(0, -4 if down else 4),
        textcoords="offset points",
        ha="center",
        va="top" if down else "bottom",
        fontsize=8,
    )


def _draw_level(axes: Axes, metric: Metric) -> None:
    if metric.level is None:
        return
    levels = [metric.level, -metric.level] if metric.best == "zero" else [metric.level]
    for level in levels:
        axes.axhline(level, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
