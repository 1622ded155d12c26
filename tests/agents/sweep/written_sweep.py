"""A sweep's directory as its runs would leave it, with scores and curves of one's choice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from kibble.agents.episode_log import EpisodeRecord
from kibble.agents.sweep.directory import Asked, SweepDirectory
from kibble.agents.sweep.record import Budget, Evaluation, RunRecord, write_record

BUDGET = Budget(steps=1_000, rollouts=None)
EPISODES = 100


def new_sweep(path: Path) -> SweepDirectory:
    path.mkdir(parents=True)
    directory = SweepDirectory(path=path)
    directory.save(Asked(grids=(("task=reach,push", "seed=0,1,2"),)))
    return directory


def write_run(
    directory: SweepDirectory,
    task: str,
    seed: int,
    score: float | None,
    *,
    successes: Sequence[bool] = (False, True),
    **settings: str,
) -> RunRecord:
    """Write a finished run; each of its episodes took ten steps."""
    name = "-".join([task, *filter(None, settings.values()), f"seed{seed}"])
    record = RunRecord(
        name=name,
        task=task,
        seed=seed,
        settings=settings,
        budget=BUDGET,
        trained=BUDGET,
        evaluated=Evaluation(),
    )
    write_record(directory.records, record)
    run = directory.runs / name
    (run / "evaluation").mkdir(parents=True)
    figures = {
        "success_rate": score,
        "successes": None if score is None else round(score * EPISODES),
        "episodes": EPISODES,
        "steps": BUDGET.steps,
        "seed": seed,
    }
    (run / "evaluation" / "evaluation.json").write_text(json.dumps({"runs": [figures]}))
    (run / "episodes.jsonl").write_text(
        "".join(json.dumps(asdict(_episode(i, s))) + "\n" for i, s in enumerate(successes))
    )
    return record


def _episode(index: int, success: bool) -> EpisodeRecord:
    return EpisodeRecord(
        index=index,
        env=0,
        steps=10 * (index + 1),
        length=10,
        return_task=float(success),
        return_shaped=0.0,
        success=success,
        model_success=None,
        seconds=float(index),
    )
