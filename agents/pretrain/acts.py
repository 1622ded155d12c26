"""Elementary ways to act at the table: expert, mistaken expert, standing still, aimless motion."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop import Goal, TabletopEnv, make_expert
from kibble.envs.tabletop.experts import obey
from kibble.envs.tabletop.tasks import make_task
from kibble.envs.tabletop.world import ACTION_SCALE, World

__all__ = [
    "Act",
    "Action",
    "backwards",
    "drift",
    "expert",
    "expert_of",
    "fumble",
    "hold",
    "mistaken_expert",
    "paced",
    "still",
    "wander",
]

Action: TypeAlias = NDArray[np.float32]
Act: TypeAlias = Callable[[], Action]
"""Gives the (4,) float32 action for the present state."""


def expert(env: TabletopEnv, goal: Goal, rng: np.random.Generator) -> Act:
    """Return the scripted expert towards a goal, from any state on."""
    return make_expert(env, goal, rng)


def mistaken_expert(
    env: TabletopEnv, goal: Goal, rng: np.random.Generator, offset: NDArray[np.float64]
) -> Act:
    """Return an expert that believes the goal's target to be elsewhere.

    Args:
        env: The environment.
        goal: What it tries to do.
        rng: Source of its noise.
        offset: (3,) m, believed place less true place.
    """
    act = make_expert(env, goal, rng)
    body = goal.target or goal.subject

    def mistaken() -> Action:
        with _believed(env.world, body, offset):
            return act()

    return mistaken


def expert_of(env: TabletopEnv, task: str, goal: Goal, rng: np.random.Generator) -> Act:
    """Return the expert of another task that plays in the same scene."""
    other = make_task(task)
    return lambda: obey(env.world, other.expert(env.world, goal), rng)


def hold(env: TabletopEnv, closing: float) -> Act:
    """Return the act of stopping the hand where it is, with a fixed command to the fingers."""

    def act() -> Action:
        step = (env.world.pinch - env.world.hand_target) / ACTION_SCALE
        return np.append(np.clip(step, -1.0, 1.0), closing).astype(np.float32)

    return act


def backwards(actions: Sequence[Action]) -> Act:
    """Return the act of moving back along the way that past actions took, then standing still."""
    left = [np.append(-action[:3], action[3]).astype(np.float32) for action in actions]
    rest = np.append(np.zeros(3), actions[-1][3] if len(actions) else 0.0).astype(np.float32)
    return lambda: left.pop() if left else rest


def paced(act: Act, rng: np.random.Generator, *, noise: float, speed: float) -> Act:
    """Return an act at a share of its speed, with noise that is correlated in time.

    Args:
        act: What to do.
        rng: Source of the noise.
        noise: Its standard deviation, in shares of the full action.
        speed: Factor of the motion, in (0, 1].
    """
    walk = np.zeros(4)

    def slower() -> Action:
        nonlocal walk
        walk = 0.8 * walk + 0.6 * rng.standard_normal(4)  # unit variance
        action = np.asarray(act(), dtype=np.float64).copy()
        action[:3] = speed * action[:3] + noise * walk[:3]
        action[3] += 0.5 * noise * walk[3]
        return action.astype(np.float32)

    return slower


def wander(rng: np.random.Generator) -> Act:
    """Return a random walk that leans downwards, where the objects are."""
    grip, scale = rng.uniform(-1.0, 1.0), rng.uniform(0.3, 1.0)
    walk = np.zeros(3)
    pull = np.array([0.0, 0.0, -rng.uniform(0.0, 0.3)])

    def act() -> Action:
        nonlocal walk
        walk = 0.85 * walk + 0.5 * rng.standard_normal(3)
        return np.append(scale * walk + pull, grip).astype(np.float32)

    return act


def drift(rng: np.random.Generator) -> Act:
    """Return a steady motion in a random direction."""
    direction = rng.standard_normal(3)
    direction *= rng.uniform(0.2, 1.0) / (1e-6 + float(np.linalg.norm(direction)))
    action = np.append(direction, rng.choice([-1.0, 1.0])).astype(np.float32)
    return lambda: action


def fumble(rng: np.random.Generator) -> Act:
    """Return opening and closing the fingers at random, about in place."""
    return lambda: np.append(0.1 * rng.standard_normal(3), rng.choice([-1, 1])).astype(np.float32)


def still(rng: np.random.Generator) -> Act:
    """Return no motion, with a random command to the fingers."""
    action = np.zeros(4, np.float32)
    action[3] = rng.choice([-1.0, 0.0, 1.0])
    return lambda: action


@contextlib.contextmanager
def _believed(world: World, body: str, offset: NDArray[np.float64]) -> Iterator[None]:
    place = world.data.body(body).xpos  # a view; derived from the joints at every step
    true = place.copy()
    place += offset
    try:
        yield
    finally:
        place[:] = true
