"""The table that a benchmark ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from kibble.agents.benchmark.measures.evidence import Measured
from kibble.agents.benchmark.metrics_shown import METRICS, Metric, reaches
from kibble.rewards.metrics.bootstrap import Figure

__all__ = ["benchmark_table", "fooled_by"]


def fooled_by(
    metric: Metric, measured: Mapping[str, Measured], baselines: Sequence[str]
) -> list[str]:
    """Names of the baselines that reach the level of a good model, understanding nothing.

    Args:
        metric: The metric.
        measured: Model to its figures.
        baselines: Which of the models are baselines.
    """
    if metric.name in ("frames_per_second", "latency_ms"):
        return []
    found = []
    for name in baselines:
        figure = measured[name].get(metric.name)
        if isinstance(figure, Figure) and reaches(metric, figure.value):
            found.append(name)
    return found


def benchmark_table(measured: Mapping[str, Measured], baselines: Sequence[str]) -> Table:
    """Lay models out side by side, one metric a line.

    A value is bold where it reaches the level. The last column names the baselines that reach it
    too: that metric alone proves nothing.

    Args:
        measured: Model to its figures.
        baselines: Which of the models are baselines.
    """
    table = Table(title="Reward models, 95 % bootstrap intervals over episodes")
    table.add_column("metric", no_wrap=True)
    table.add_column("level", justify="right", no_wrap=True)
    for name in measured:
        table.add_column(name, justify="right", no_wrap=True)
    if baselines:
        table.add_column("reached without understanding by", overflow="fold")
    for metric in METRICS:
        figures = [measures.get(metric.name) for measures in measured.values()]
        if not any(isinstance(figure, Figure) for figure in figures):
            continue
        cells = [_cell(metric, figure) for figure in figures]
        fooled = [", ".join(fooled_by(metric, measured, baselines))] if baselines else []
        table.add_row(metric.name, _level(metric), *cells, *fooled)
    return table


def _level(metric: Metric) -> str:
    if metric.level is None:
        return ""
    sign = {"high": ">=", "low": "<=", "zero": "±"}[metric.best]
    return f"{sign} {_number(metric.level)}"


def _cell(metric: Metric, figure: Figure | str | None) -> str:
    if not isinstance(figure, Figure):
        return "-"
    value = _number(figure.value)
    if reaches(metric, figure.value):
        value = f"[bold]{value}[/bold]"
    return f"{value} [dim]{_number(figure.low)} to {_number(figure.high)}[/dim]"


def _number(value: float) -> str:
    """Write a value in few digits.

    >>> _number(0.9531), _number(-0.004), _number(1712.3), _number(2.61)
    ('.953', '-.004', '1712', '2.61')
    """
    if abs(value) >= 100.0:
        return f"{value:.0f}"
    if abs(value) >= 1.0005:
        return f"{value:.2f}"
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:.2f}"
