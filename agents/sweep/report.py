"""The report of a sweep: tables in Markdown, everything in JSON, four pictures."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from kibble.agents.sweep.curves import Against, Curve, curve_of
from kibble.agents.sweep.directory import SweepDirectory
from kibble.agents.sweep.estimates import Estimate, Estimates
from kibble.agents.sweep.pictures import plot_curves, plot_improvement, plot_success
from kibble.agents.sweep.results import Results
from kibble.agents.sweep.table import (
    Row,
    failures_list,
    improvement_table,
    results_rows,
    results_table,
)
from kibble.rewards.errors import CheckpointError

__all__ = ["write_report"]

_MOST_PAIRS = 15
_ESTIMATES = Estimates()
_CURVE_ESTIMATES = Estimates(resamples=2_000)
_AXES: tuple[tuple[Against, str], ...] = (
    ("steps", "environment steps"),
    ("rollouts", "rollouts (training episodes)"),
)
Panels = dict[tuple[str, str], dict[str, Curve]]

_LINE = (
    "Line: interquartile mean over runs. Band: 95 % stratified bootstrap interval of each point."
)
_RUNS = " Thin lines: runs."
_BAR = (
    "Thick line and number: interquartile mean. Bar: 95 % stratified bootstrap interval. "
    "Thin line: worst run."
)
_PAIR = "Thick line and number: the probability. Bar: 95 % stratified bootstrap interval."
_DEFINITIONS = f"""\
*Success* is the share of the evaluation episodes of one run that end in true success. *IQM* is \
the interquartile mean of it over runs, with a 95 % percentile interval from \
{_ESTIMATES.resamples:,} stratified bootstrap resamples: the runs of each task are drawn again \
from that task's runs. With three seeds or fewer nothing is cut off and the interval can say no \
more than those seeds do. *Pooled* is the 95 % Wilson interval of all evaluation episodes of a \
row together. *P(better)* is the mean over tasks of P(X > Y) + ½ P(X = Y) for a run of either \
method. Definitions after Agarwal et al. 2021; numbers in per cent; `report.json` holds \
everything."""


def write_report(directory: SweepDirectory, results: Results, *, window: int) -> list[Row]:
    """Write ``report.md``, ``report.json`` and ``plots`` into the directory of a sweep.

    Args:
        directory: The sweep.
        results: Its runs.
        window: Episodes that each point of a learning curve is a mean of.

    Returns:
        The rows of the table.

    Raises:
        CheckpointError: If no run is finished.
    """
    if not results.finished:
        reasons = [f"{one.name}: {one.error}" for one in results.unfinished if one.error]
        raise CheckpointError(
            f"A report needs at least one finished run, got none of {len(results.unfinished)} in "
            f"'{directory.path}'. {' '.join(reasons[:3]) or 'Start the sweep again to go on.'}"
        )
    rows = results_rows(results, _ESTIMATES)
    improvements = _improvements(results, rows)
    by_task, overall = _panels_by_task(results, window), _panels_overall(results, window)
    directory.plots.mkdir(exist_ok=True)
    pictures = _draw(directory.plots, results, rows, improvements, (by_task, overall), window)
    text = _markdown(directory, results, rows, improvements, pictures)
    tree = _tree(results, rows, improvements, {**by_task, **overall}, window)
    _write(directory.path / "report.md", text)
    _write(directory.path / "report.json", json.dumps(tree, indent=1, allow_nan=False) + "\n")
    return rows


def _improvements(results: Results, rows: Sequence[Row]) -> dict[tuple[str, str], Estimate]:
    """Compare every method with every worse one; with many, the best with all others."""
    methods = list(dict.fromkeys(row.method for row in rows))
    methods = [method for method in results.methods if method in methods]
    pairs = list(itertools.combinations(methods, 2))
    if len(pairs) > _MOST_PAIRS:
        pairs = [pair for pair in pairs if pair[0] == methods[0]]
    found = {}
    for better, worse in pairs:
        tasks = results.scored_tasks(better, worse)
        if tasks:
            found[better, worse] = _ESTIMATES.improvement(
                [results.scores(better, task) for task in tasks],
                [results.scores(worse, task) for task in tasks],
            )
    return found


def _panels_by_task(results: Results, window: int) -> Panels:
    panels: Panels = {}
    for task in results.tasks:
        curves = _curves(results, [task], "steps", window)
        if curves:
            panels[task, "environment steps"] = curves
    return panels


def _panels_overall(results: Results, window: int) -> Panels:
    """Sample efficiency over the tasks that every method has finished runs of."""
    tasks = results.scored_tasks(*(m for m in results.methods if results.scored_tasks(m)))
    title = tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"
    panels: Panels = {}
    for against, label in _AXES:
        curves = _curves(results, tasks, against, window)
        if curves:
            panels[title, label] = curves
    return panels


def _curves(
    results: Results, tasks: Sequence[str], against: Against, window: int
) -> dict[str, Curve]:
    curves = {}
    for method in results.methods:
        runs = [[run.episodes for run in results.of(method, task)] for task in tasks]
        if runs and all(runs):
            curve = curve_of(runs, against=against, window=window, estimates=_CURVE_ESTIMATES)
            if curve is not None:
                curves[method] = curve
    return curves


def _draw(
    plots: Path,
    results: Results,
    rows: Sequence[Row],
    improvements: Mapping[tuple[str, str], Estimate],
    panels: tuple[Panels, Panels],
    window: int,
) -> dict[str, str]:
    """Draw what there is to draw; title to file name."""
    drawn: dict[str, str] = {}
    if rows:
        drawn["Success in evaluation, %"] = "success.png"
        plot_success(rows, results.baselines, plots / "success.png", note=_BAR)
    for title, name, some, runs in (
        ("Learning curves", "learning_curves.png", panels[0], True),
        ("Sample efficiency", "sample_efficiency.png", panels[1], len(results.tasks) == 1),
    ):
        if some:
            drawn[title] = name
            path = plots / name
            plot_curves(
                some, results.baselines, path, window=window, note=_LINE + _RUNS * runs, runs=runs
            )
    if improvements:
        drawn["Probability of improvement"] = "improvement.png"
        plot_improvement(improvements, plots / "improvement.png", note=_PAIR)
    return drawn


def _markdown(
    directory: SweepDirectory,
    results: Results,
    rows: Sequence[Row],
    improvements: Mapping[tuple[str, str], Estimate],
    pictures: Mapping[str, str],
) -> str:
    total = len(results.finished) + len(results.unfinished)
    lines = ["# Sweep", "", f"{len(results.finished)} of {total} runs finished.", "", "```"]
    lines += [f"kibble sweep {' '.join(words)}" for words in directory.load().grids]
    lines += ["```", ""]
    lines += ["## Results", "", results_table(rows) if rows else _UNKNOWN, ""]
    if improvements:
        lines += [improvement_table(improvements), ""]
    lines += [_DEFINITIONS, ""]
    if results.unfinished:
        lines += ["## Not finished", "", failures_list(results.unfinished), ""]
    for title, name in pictures.items():
        lines += [f"## {title}", "", f"![{title}](plots/{name})", ""]
    return "\n".join(lines)


_UNKNOWN = "The environments of these runs do not say whether an episode succeeded."


def _tree(
    results: Results,
    rows: Sequence[Row],
    improvements: Mapping[tuple[str, str], Estimate],
    panels: Mapping[tuple[str, str], Mapping[str, Curve]],
    window: int,
) -> dict[str, object]:
    return {
        "rows": [asdict(row) for row in rows],
        "improvements": [
            {"method": better, "against": worse, **asdict(estimate)}
            for (better, worse), estimate in improvements.items()
        ],
        "runs": [
            {
                "name": run.record.name,
                "task": run.record.task,
                "method": run.method,
                "seed": run.record.seed,
                "settings": run.record.settings,
                "rollouts": len(run.episodes),
                "seconds": run.episodes[-1].seconds if run.episodes else None,
                "evaluation": run.figures,
            }
            for run in results.finished
        ],
        "unfinished": [
            {"name": one.name, "task": one.task, "seed": one.seed, "error": one.error}
            for one in results.unfinished
        ],
        "window": window,
        "curves": [
            {"tasks": title, "against": label, "method": method, **curve.as_json()}
            for (title, label), curves in panels.items()
            for method, curve in curves.items()
        ],
    }


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f"{path.name}.unfinished")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
