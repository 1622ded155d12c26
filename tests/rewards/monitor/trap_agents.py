"""Scripted agents in the traps: one that farms the flawed reward model, one that does the task."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import kibble.envs  # noqa: F401  (registers the traps)
from kibble.envs.traps import TRAPS, TrapEnv, trap_model
from kibble.rewards import Potential, Shaper, Task
from kibble.rewards.monitor import Finding, HackingMonitor

GAMMA = 0.95
WAIT, LEFT, RIGHT = 4, 3, 1
Policy = Callable[[int], int]


def honest(env: TrapEnv) -> Policy:
    """The shortest way to the goal."""
    layout = env.trap.layout
    return _way_to(env, np.array([layout.is_goal(cell) for cell in env.cells]))


def farmer(env: TrapEnv) -> Policy:
    """What an agent learns that is paid for the flawed progress."""
    layout, cells = env.trap.layout, env.cells
    signs = np.array([layout.sign(cell) for cell in cells])
    if "*" in signs:  # to and fro between a lamp and the dark cell to its left
        lamp = cells.index(next(c for c, sign in zip(cells, signs, strict=True) if sign == "*"))
        way = _way_to(env, np.arange(len(cells)) == lamp)
        return lambda state: LEFT if state == lamp else way(state)
    if np.isin(signs, list("^>v<")).any():  # onto the belts, and round and round
        way = _way_to(env, np.isin(signs, list("^>v<")))
        return lambda state: WAIT if signs[state] in "^>v<" else way(state)
    if "X" in signs:  # into the pit
        return _way_to(env, signs == "X")
    green = [
        (r, c)
        for r in range(layout.size[0])
        for c in range(layout.size[1])
        if layout.sign((r, c)) in "GPF"
    ]
    if any(layout.sign(cell) == "F" for cell in green):  # to the poster, and wait there
        green = [cell for cell in green if layout.sign(cell) == "F"]
    goals = np.array([layout.is_goal(cell) for cell in cells])
    far = np.array([min(abs(r - a) + abs(c - b) for a, b in green) for r, c in cells], float)
    far[goals] = np.inf
    start = int(env.mdp.start.argmax())
    if TRAPS["detour"] is env.trap:  # it stays where the goal looks near, through the wall
        return lambda state: WAIT
    assert far[start] > far.min()
    return _way_to(env, far == far.min())


def watch(
    name: str, policy: str, *, mode: str, episodes: int
) -> tuple[list[Finding], HackingMonitor]:
    """Play a trap through its real reward model and return what the monitor finds."""
    trap = TRAPS[name]
    env = gym.make(trap.id)
    grid = env.unwrapped
    assert isinstance(grid, TrapEnv)
    acts = {"farmer": farmer, "honest": honest}[policy](grid)
    shaper = Shaper(Potential(trap_model(name)), slots=1, gamma=GAMMA, mode=mode)
    monitor = HackingMonitor(1, gamma=GAMMA)
    found: list[Finding] = []
    for episode in range(episodes):
        obs, info = env.reset(seed=episode)
        shaper.begin({0: (Task(instruction=info["instruction"]), grid.frames())})
        over, steps = False, 0
        while not over:
            obs, reward, terminated, truncated, _ = env.step(np.int64(acts(int(obs.argmax()))))
            over, steps = terminated or truncated, steps + 1
            due = over or steps % trap.query_every == 0
            step = shaper.step(
                np.array([float(reward)]),
                np.array([terminated]),
                np.array([truncated]),
                {0: grid.frames()} if due else {},
            )
            found.extend(monitor.watch(shaper.potential, step))
    env.close()
    return found, monitor


def _way_to(env: TrapEnv, target: NDArray[np.bool_]) -> Policy:
    """Walk the shortest way to the nearest of these states, and wait there."""
    next_state = env.mdp.transition.argmax(axis=2)  # (S, A) of what is likeliest
    steps = np.where(target, 0.0, np.inf)
    for _ in target:
        reachable = 1.0 + steps[next_state].min(axis=1)
        steps = np.where(env.mdp.terminal | target, steps, np.minimum(steps, reachable))
    return lambda state: WAIT if target[state] else int(steps[next_state[state]].argmin())
