"""What a model is shown and asked: the same for every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kibble.agents.benchmark.trials import Trial, trial_task
from kibble.rewards.types import Frames, Task

__all__ = ["Purpose", "Showing", "plan_showings", "showing_task", "shown_frames"]

Purpose = Literal[
    "own",
    "phrasing",
    "other_goal",
    "other_task",
    "junk",
    "empty",
    "reversed",
    "shuffled",
    "frozen",
    "blank",
    "colour",
]
_EMPTY_LIKE = (".", "…", "?", "- -")
_OTHER_TASKS = 5
_SHUFFLES = 4  # of each video: the order of a short one varies a lot
_COLOUR = (64, 130, 109)


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """One video with one instruction.

    Args:
        purpose: What it is for.
        trial: Whose frames are shown.
        asked: Trial and goal that the instruction names.
        phrasing: Which of that goal's sentences.
        sentence: What is said instead, or ``None``.
        order: Frames in the order in which they are shown, or ``None`` for all as they are.
        veil: RGB colour that hides every frame but the first, or ``None``.
    """

    purpose: Purpose
    trial: int
    asked: tuple[int, int]
    phrasing: int = 0
    sentence: str | None = None
    order: tuple[int, ...] | None = None
    veil: tuple[int, int, int] | None = None


def plan_showings(trials: Sequence[Trial], *, seed: int) -> list[Showing]:
    """Say all that every model is shown.

    Every trial is read with its own instruction. Trials that show the way to success are also read
    with its other phrasings, with the scene's other goals, with instructions of up to five other
    tasks, with junk and with next to nothing; up to success reversed, shuffled four times, and
    frozen at the middle frame; and their finished state hidden behind black and behind one colour.

    Args:
        trials: The trials.
        seed: Seed of shuffles, junk and the choice of other tasks.
    """
    tasks = list(dict.fromkeys(trial.task for trial in trials))
    examples = {
        task: [i for i, t in enumerate(trials) if t.task == task and t.is_success]
        for task in tasks
    }
    showings: list[Showing] = []
    for i, trial in enumerate(trials):
        own = (i, trial.goal)
        showings.append(Showing(purpose="own", trial=i, asked=own))
        if not trial.is_success:
            continue
        rng = np.random.default_rng([seed, i])
        for phrasing in range(1, len(trial.sentences[trial.goal])):
            showings.append(Showing(purpose="phrasing", trial=i, asked=own, phrasing=phrasing))
        for goal in range(len(trial.sentences)):
            if goal != trial.goal:
                showings.append(Showing(purpose="other_goal", trial=i, asked=(i, goal)))
        others = [task for task in tasks if task != trial.task and examples[task]]
        for task in rng.permutation(others)[:_OTHER_TASKS]:
            other = int(rng.choice(examples[str(task)]))
            asked = (other, trials[other].goal)
            showings.append(Showing(purpose="other_task", trial=i, asked=asked))
        for purpose, sentence in (("junk", _junk(rng)), ("empty", str(rng.choice(_EMPTY_LIKE)))):
            showings.append(
                Showing(purpose=purpose, trial=i, asked=own, sentence=sentence)  # type: ignore[arg-type]  # both are purposes
            )
        showings += _controls(trial, i, own, rng)
    return showings


def _controls(
    trial: Trial, number: int, own: tuple[int, int], rng: np.random.Generator
) -> list[Showing]:
    assert trial.reached is not None  # of a success
    assert trial.finished is not None
    way = range(trial.reached + 1)
    middle = trial.reached // 2
    controls = [
        Showing(purpose="reversed", trial=number, asked=own, order=tuple(reversed(way))),
        Showing(purpose="frozen", trial=number, asked=own, order=(middle,) * len(way)),
    ]
    for _ in range(_SHUFFLES):
        order = tuple(int(t) for t in rng.permutation(len(way)))
        controls.append(Showing(purpose="shuffled", trial=number, asked=own, order=order))
    for purpose, veil in (("blank", (0, 0, 0)), ("colour", _COLOUR)):
        controls.append(
            Showing(
                purpose=purpose,  # type: ignore[arg-type]  # both are purposes
                trial=number,
                asked=own,
                order=(0, trial.finished),
                veil=veil,
            )
        )
    return controls


def _junk(rng: np.random.Generator) -> str:
    """Four words that mean nothing."""
    letters = "bcdfghjklmnpqrstvwxz"
    return " ".join(
        "".join(rng.choice(list(letters), size=int(rng.integers(3, 8)))) for _ in range(4)
    )


def showing_task(trials: Sequence[Trial], showing: Showing, *, with_goal: bool) -> Task | None:
    """What the model is told, or ``None`` where goal frames are needed and there are none."""
    task = trial_task(trials, *showing.asked, phrasing=showing.phrasing, with_goal=with_goal)
    if task is None or showing.sentence is None:
        return task
    return Task(instruction=showing.sentence, goal_frames=task.goal_frames)


def shown_frames(frames: Frames, showing: Showing) -> Frames:
    """The video of a showing, made of the trial's frames; the same object where all are shown."""
    if showing.order is None:
        return frames
    shown = {view: array[list(showing.order)] for view, array in frames.items()}
    if showing.veil is not None:
        for array in shown.values():
            array[1:] = showing.veil
    return shown
