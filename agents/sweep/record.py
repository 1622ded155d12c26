"""What is known of each run of a sweep, in a small file of its own."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kibble.rewards.errors import CheckpointError

__all__ = [
    "Budget",
    "Evaluation",
    "RunRecord",
    "read_evaluation",
    "read_record",
    "read_records",
    "write_record",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a run trains: to the first of the two.

    Args:
        steps: Environment steps, all environments together.
        rollouts: Episodes, or None for no bound.
    """

    steps: int
    rollouts: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How a finished run is evaluated.

    Args:
        episodes: Episodes for each seed.
        seeds: Seeds of the evaluation episodes.
        judge: As ``kibble evaluate judge=``.
    """

    episodes: int = 100
    seeds: tuple[int, ...] = (10_000,)
    judge: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run of a sweep, from plan to end.

    Args:
        name: Name of its directory below ``runs`` and of its log below ``logs``.
        task: Name of its task.
        seed: Seed of training.
        settings: What else tells it from others: reward, shaping, agent and every further key of
            the grid, as text.
        budget: How long it is to train.
        trained: The budget that it has been trained for, or None.
        evaluated: The evaluation that it has passed, or None.
        error: Why it failed, or None.
    """

    name: str
    task: str
    seed: int
    settings: dict[str, str]
    budget: Budget
    trained: Budget | None = None
    evaluated: Evaluation | None = None
    error: str | None = None

    def is_finished(self, evaluation: Evaluation | None = None) -> bool:
        """Whether it is trained for its budget and evaluated, in the way given if one is."""
        if self.trained != self.budget or self.evaluated is None:
            return False
        return evaluation is None or self.evaluated == evaluation


def read_evaluation(tree: dict[str, Any]) -> Evaluation:
    """Read an evaluation from JSON.

    Raises:
        TypeError: If a part is missing or not known.
        KeyError: If the seeds are missing.
    """
    return Evaluation(**{**tree, "seeds": tuple(tree["seeds"])})


def read_record(path: Path) -> RunRecord:
    """Read one record.

    Raises:
        CheckpointError: If the file is damaged.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        tree["budget"] = Budget(**tree["budget"])
        tree["trained"] = tree["trained"] and Budget(**tree["trained"])
        tree["evaluated"] = tree["evaluated"] and read_evaluation(tree["evaluated"])
        return RunRecord(**tree)
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"'{path}' must hold the record of a run, but it does not: {error}. Remove the file "
            "and start the sweep again; the run itself is not touched."
        ) from error


def read_records(folder: Path) -> list[RunRecord]:
    """Read the records of a sweep in the order of their names."""
    return [read_record(path) for path in sorted(folder.glob("*.json"))]


def write_record(folder: Path, record: RunRecord) -> None:
    """Write a record so that it is whole at any moment."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{record.name}.unfinished"
    aside.write_text(json.dumps(dataclasses.asdict(record), indent=2) + "\n", encoding="utf-8")
    aside.replace(folder / f"{record.name}.json")
