"""What can be asked for in a scene, and what cannot because it is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kibble.envs.tabletop import TabletopEnv
from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.palette import draw_colours
from kibble.envs.tabletop.tasks import TASKS, make_task

__all__ = ["Question", "questions", "vain_question"]

_SAME_SCENE = {"drawer_open": "drawer_close", "drawer_close": "drawer_open"}
_OTHER_TASK = 0.4  # share of the vain questions that another task's scene would answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """Something to ask for.

    Args:
        plan: The task whose plan is meant.
        phrasings: Sentences that mean it, the plainest first.
        affordances: Its keypoints, or ``None`` if what it names is not in the scene.
    """

    plan: str
    phrasings: tuple[str, ...]
    affordances: Affordances | None


def questions(env: TabletopEnv) -> Iterator[Question]:
    """Yield every goal of the present scene, also those that another task of its things has."""
    names = [env.task.name, *filter(None, [_SAME_SCENE.get(env.task.name)])]
    for task in map(make_task, names):
        for goal in task.goals:
            yield Question(
                plan=task.name,
                phrasings=task.phrasings(goal, env.colours),
                affordances=task.affordances(env.world, goal),
            )


def vain_question(env: TabletopEnv, rng: np.random.Generator) -> Question:
    """Draw a question about colours or things that the present scene does not have."""
    known = {question.phrasings[0] for question in questions(env)}
    present = set(env.colours.values())
    others = [name for name in TASKS if name != env.task.name]
    while True:
        name = str(rng.choice(others)) if rng.random() < _OTHER_TASK else env.task.name
        task = make_task(name)
        goal = task.goals[int(rng.integers(len(task.goals)))]
        colours = dict(zip(task.slots, draw_colours(rng, len(task.slots)), strict=True))
        phrasings = task.phrasings(goal, colours)
        # Two coloured cubes can be stacked in any scene that has them.
        stackable = name == "stack" and {colours[goal.subject], colours[goal.target]} <= present
        if phrasings[0] not in known and not stackable:
            return Question(plan=name, phrasings=phrasings, affordances=None)
