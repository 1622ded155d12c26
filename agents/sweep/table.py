"""The report's tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kibble.agents.intervals import wilson
from kibble.agents.sweep.estimates import Estimate, Estimates
from kibble.agents.sweep.record import RunRecord
from kibble.agents.sweep.results import FinishedRun, Results

__all__ = [
    "ALL_TASKS",
    "Row",
    "failures_list",
    "improvement_table",
    "results_rows",
    "results_table",
    "show",
]

ALL_TASKS = "all tasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One method on one task, or on all of them together.

    Args:
        task: The task, or :data:`ALL_TASKS`.
        method: The method.
        runs: How many runs.
        iqm: Interquartile mean of the runs' success rates, with its interval.
        mean: Their mean.
        worst: The least of them.
        best: The greatest of them.
        pooled: Ends of the Wilson interval of all evaluation episodes together, which tells how
            much is chance of the episodes and not of the seeds; None over several tasks.
        episodes: Evaluation episodes of all runs together.
        steps: Mean environment steps that a run was trained for.
        rollouts: Mean training episodes of a run.
    """

    task: str
    method: str
    runs: int
    iqm: Estimate
    mean: float
    worst: float
    best: float
    pooled: tuple[float, float] | None
    episodes: int
    steps: float
    rollouts: float


def results_rows(results: Results, estimates: Estimates) -> list[Row]:
    """Work out the rows of the table: each task, then all tasks that every method has runs of."""
    rows = [
        _row(task, method, [results.of(method, task)], estimates)
        for task in results.tasks
        for method in results.methods
        if len(results.scores(method, task))
    ]
    scored = [method for method in results.methods if results.scored_tasks(method)]
    shared = results.scored_tasks(*scored)
    if len(shared) > 1:
        rows += [
            _row(ALL_TASKS, method, [results.of(method, task) for task in shared], estimates)
            for method in scored
        ]
    return rows


def results_table(rows: Sequence[Row]) -> str:
    """Write the rows as a table."""
    head = (
        "task",
        "method",
        "runs",
        "success, IQM [95 %]",
        "mean",
        "worst to best",
        "pooled",
        "steps",
    )
    lines = []
    for row in rows:
        pooled = (
            "" if row.pooled is None else f"{_share(row.pooled[0])} to {_share(row.pooled[1])}"
        )
        lines.append(
            (
                row.task,
                row.method,
                str(row.runs),
                show(row.iqm),
                _share(row.mean),
                f"{_share(row.worst)} to {_share(row.best)}",
                pooled,
                f"{row.steps:,.0f}",
                f"{row.rollouts:,.0f}",
            )
        )
    return _markdown((*head, "rollouts"), lines, left=2)


def improvement_table(improvements: Mapping[tuple[str, str], Estimate]) -> str:
    """Write how likely a run of one method beats one of another."""
    rows = [(*pair, show(estimate)) for pair, estimate in improvements.items()]
    return _markdown(("method", "against", "P(better), %"), rows, left=2)


def failures_list(records: Sequence[RunRecord]) -> str:
    """Write the runs that are not finished, each with its reason."""
    return "\n".join(f"- `{one.name}`: {one.error or 'not finished'}" for one in records)


def show(estimate: Estimate) -> str:
    """Write a share with its interval in per cent.

    >>> show(Estimate(value=0.955, low=0.9, high=1.0))
    '95.5 [90.0, 100.0]'
    """
    if estimate.low is None or estimate.high is None:
        return _share(estimate.value)
    return f"{_share(estimate.value)} [{_share(estimate.low)}, {_share(estimate.high)}]"


def _row(
    task: str, method: str, tasks: Sequence[Sequence[FinishedRun]], estimates: Estimates
) -> Row:
    known = [[run for run in runs if run.score is not None] for runs in tasks]
    runs = [run for one in known for run in one]
    scores = [np.array([run.score for run in one], np.float64) for one in known]
    flat = np.concatenate(scores)
    successes = sum(int(str(run.figures["successes"])) for run in runs)
    episodes = sum(int(str(run.figures["episodes"])) for run in runs)
    pooled = wilson(successes, episodes)
    return Row(
        task=task,
        method=method,
        runs=len(runs),
        iqm=estimates.iqm(scores),
        mean=float(flat.mean()),
        worst=float(flat.min()),
        best=float(flat.max()),
        pooled=(pooled.low, pooled.high) if len(tasks) == 1 else None,
        episodes=episodes,
        steps=float(np.mean([int(str(run.figures["steps"])) for run in runs])),
        rollouts=float(np.mean([len(run.episodes) for run in runs])),
    )


def _share(value: float) -> str:
    return f"{100 * value:.1f}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Lay out a table whose first columns are text and whose others are numbers."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))
