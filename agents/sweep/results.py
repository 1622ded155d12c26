"""What the runs of a sweep have come to, by method and task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from kibble.agents.episode_log import EpisodeRecord, read_episodes
from kibble.agents.sweep.directory import SweepDirectory
from kibble.agents.sweep.record import RunRecord, read_records
from kibble.rewards.errors import CheckpointError

__all__ = ["FinishedRun", "Results", "read_results"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run that was trained and evaluated.

    Args:
        record: What it is.
        method: What it was trained with, as the report names it.
        score: Share of successes in evaluation, in [0, 1]; None where nobody knows.
        figures: Its row of ``evaluation.json``.
        episodes: Its training episodes.
    """

    record: RunRecord
    method: str
    score: float | None
    figures: dict[str, object]
    episodes: Sequence[EpisodeRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The runs of a sweep.

    Args:
        finished: Trained and evaluated for their whole budget.
        unfinished: Failed, interrupted or not begun.
        methods: Names of the methods of all runs, best first where there are scores.
        tasks: Names of the tasks of all runs.
        baselines: Those of the methods that have no reward model.
    """

    finished: Sequence[FinishedRun]
    unfinished: Sequence[RunRecord]
    methods: Sequence[str]
    tasks: Sequence[str]
    baselines: Sequence[str]

    def of(self, method: str, task: str) -> list[FinishedRun]:
        """The finished runs of one method on one task, by seed."""
        found = [run for run in self.finished if run.method == method and run.record.task == task]
        return sorted(found, key=lambda run: run.record.seed)

    def scores(self, method: str, task: str) -> NDArray[np.float64]:
        """Their scores, (R,) float64, where they are known."""
        return np.array([run.score for run in self.of(method, task) if run.score is not None])

    def scored_tasks(self, *methods: str) -> list[str]:
        """The tasks on which every one of some methods has a score."""
        return [
            task for task in self.tasks if all(len(self.scores(name, task)) for name in methods)
        ]


def read_results(directory: SweepDirectory) -> Results:
    """Read records, evaluations and training episodes.

    Raises:
        CheckpointError: If there is no sweep, or an evaluation is missing or damaged.
    """
    directory.load()  # says so where this is no sweep
    records = read_records(directory.records)
    names = _method_names([record.settings for record in records])
    methods = dict(zip((record.name for record in records), names, strict=True))
    finished = [
        _read_run(directory, record, methods[record.name])
        for record in records
        if record.error is None and record.is_finished()
    ]
    done = {run.record.name for run in finished}
    sparse = [methods[record.name] for record in records if not record.settings.get("shaping", "")]
    results = Results(
        finished=finished,
        unfinished=[record for record in records if record.name not in done],
        methods=list(dict.fromkeys(names)),
        tasks=list(dict.fromkeys(record.task for record in records)),
        baselines=list(dict.fromkeys(sparse)),
    )
    ordered = sorted(results.methods, key=lambda method: -_mean_score(results, method))
    return Results(
        finished=results.finished,
        unfinished=results.unfinished,
        methods=ordered,
        tasks=results.tasks,
        baselines=results.baselines,
    )


def _read_run(directory: SweepDirectory, record: RunRecord, method: str) -> FinishedRun:
    run = directory.runs / record.name
    path = run / "evaluation" / "evaluation.json"
    try:
        (figures,) = json.loads(path.read_text(encoding="utf-8"))["runs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"'{path}' must hold the evaluation of a run, but it does not: {error}. Remove "
            f"'{directory.records / record.name}.json' and start the sweep again."
        ) from error
    return FinishedRun(
        record=record,
        method=method,
        score=cast("float | None", figures["success_rate"]),
        figures=figures,
        episodes=list(read_episodes(run / "episodes.jsonl")),
    )


def _mean_score(results: Results, method: str) -> float:
    scores = [results.scores(method, task) for task in results.tasks]
    known = [float(one.mean()) for one in scores if len(one)]
    return sum(known) / len(known) if known else -1.0


def _method_names(settings: Sequence[dict[str, str]]) -> list[str]:
    """Name what each run was trained with by the settings that differ between runs.

    >>> _method_names([{"reward": "a", "shaping": "potential"}, {"reward": "sparse"}])
    ['a', 'sparse']
    >>> _method_names([{"reward": "a", "agent.gamma": "0.9"}, {"reward": "a"}])
    ['a, gamma 0.9', 'a']
    """
    keys = list(dict.fromkeys(key for one in settings for key in one))
    names = []
    for one in settings:
        parts = [one.get("reward", "")]
        for key in keys:
            values = {other.get(key, "") for other in settings}
            if key == "shaping":
                values.discard("")  # a sparse reward has none, and its name says so
            if key == "reward" or len(values) < 2 or not one.get(key):
                continue
            short = key.rpartition(".")[2]
            parts.append(one[key] if key in ("shaping", "agent") else f"{short} {one[key]}")
        names.append(", ".join(parts))
    return names
