"""Instructions: does the model listen, and is it taken in by nonsense?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.measures.evidence import Evidence, Measured
from kibble.agents.benchmark.plan import Purpose
from kibble.rewards.metrics.confusion import confusion_matrix, diagonal_margin

__all__ = ["instruction_measures", "robustness_measures", "task_confusion", "tasks_of"]

Row = tuple[int, int, float]  # task of the instruction, task of the trajectory, progress
_PROBES: tuple[Purpose, ...] = ("blank", "colour", "junk", "empty")


def tasks_of(evidence: Evidence) -> list[str]:
    """The tasks, in the order of the trials."""
    return list(dict.fromkeys(trial.task for trial in evidence.trials))


def _rows(evidence: Evidence) -> list[list[Row]]:
    """For each successful trial the progress at its end under its own and others' instructions."""
    number = {task: i for i, task in enumerate(tasks_of(evidence))}
    episodes: list[list[Row]] = []
    for i, trial in enumerate(evidence.trials):
        own, end = evidence.readings.own(i), trial.finished
        if own is None or end is None or not trial.is_success:
            continue
        here = number[trial.task]
        rows: list[Row] = [(here, here, float(own.progress[end]))]
        for reading in evidence.readings.of("other_task", i):
            asked = evidence.trials[reading.showing.asked[0]].task
            rows.append((number[asked], here, float(reading.progress[end])))
        episodes.append(rows)
    return episodes


def task_confusion(evidence: Evidence) -> NDArray[np.float64]:
    """(K, K) mean progress of task j's finished trajectories under task i's instructions."""
    return _matrix(_rows(evidence), len(tasks_of(evidence)))


def _matrix(episodes: Sequence[Sequence[Row]], size: int) -> NDArray[np.float64]:
    rows = [row for episode in episodes for row in episode]
    asked, shown, progress = zip(*rows, strict=True) if rows else ((), (), ())
    return confusion_matrix(list(asked), list(shown), list(progress), size=size)


def instruction_measures(evidence: Evidence) -> Measured:
    """The diagonal margin across tasks, and that between the goals of one scene.

    Goals of one scene share part of the way, so that the oracle's own margin is less than 1.
    """
    episodes, size = _rows(evidence), len(tasks_of(evidence))
    margins, best = [], []
    for i, trial in enumerate(evidence.trials):
        own, end = evidence.readings.own(i), trial.finished
        if own is None or end is None or not trial.is_success:
            continue
        others = evidence.readings.of("other_goal", i)
        if trial.success is not None:  # a goal that is met as well is no other goal
            others = [o for o in others if not trial.success[end, o.showing.asked[1]]]
        if others:
            away = float(np.mean([other.progress[end] for other in others]))
            margins.append(float(own.progress[end]) - away)
            if trial.progress is not None:
                rest = [trial.progress[end, other.showing.asked[1]] for other in others]
                best.append(float(trial.progress[end, trial.goal] - np.mean(rest)))
    several = "scenes in which several goals can be asked for"
    return {
        "confusion_margin": evidence.figure(
            "confusion",
            episodes,
            lambda some: diagonal_margin(_matrix(some, size)),
            need="successful episodes of two tasks or more",
        ),
        "goal_margin": evidence.mean("goal_margin", margins, need=several),
        "goal_margin_oracle": evidence.mean("goal_margin", best, need=several),
    }


def robustness_measures(evidence: Evidence) -> Measured:
    """How often nonsense is judged a success, and how sure the model is of it.

    The scene is finished, but hidden behind black or one colour, or the instruction is junk or
    next to nothing.
    """
    measured: Measured = {}
    for purpose in _PROBES:
        judged, confidence = [], []
        for i, trial in enumerate(evidence.trials):
            for reading in evidence.readings.of(purpose, i):
                end = -1 if reading.showing.order is not None else trial.finished
                assert end is not None  # probes are made of successes
                judged.append(float(reading.success[end] >= 0.5))
                confidence.append(float(reading.confidence[end]))
        need = "episodes that reach success"
        measured[f"{purpose}_success_rate"] = evidence.mean(purpose, judged, need=need)
        measured[f"{purpose}_confidence"] = evidence.mean(purpose, confidence, need=need)
    return measured
