"""Every history that a small process allows, each played through the project's own `Shaper`.

A history is what an agent could at most remember: all states and actions so far. Where the sets of
optimal actions agree at every history, no memory, clock or held reading makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kibble.rewards import Episode, Estimate, Frames, ModelSpec, Shaper, Status, Task
from kibble.rewards.tabular import FiniteMDP

TASK = Task(instruction="go")
SIZE = (4, 4)


@dataclass
class Path:
    """One history to its end: first state, then (action, state) pairs."""

    first: int
    moves: tuple[tuple[int, int], ...] = ()

    @property
    def last(self) -> int:
        return self.moves[-1][1] if self.moves else self.first

    def prefix(self, steps: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        return self.first, self.moves[:steps]


def every_path(mdp: FiniteMDP, steps: int) -> list[Path]:
    """All histories of at most so many steps that can happen, to their ends."""
    done: list[Path] = []
    open_paths = [Path(int(state)) for state in np.flatnonzero(mdp.start)]
    while open_paths:
        path = open_paths.pop()
        if mdp.terminal[path.last] or len(path.moves) == steps:
            done.append(path)
            continue
        for action, state in np.argwhere(mdp.transition[path.last] > 0.0).tolist():
            open_paths.append(Path(path.first, (*path.moves, (action, state))))
    return done


def frame_of(state: int) -> Frames:
    return {"front": np.full((1, *SIZE, 3), state, np.uint8)}


@dataclass
class TableModel:
    """Reads which state a frame shows, and answers progress that depends on the whole episode.

    The answer to a frame is drawn from a table by the state, the number of frames read before and
    the last reading: a model with a memory. `fails` says for which number of frames read it
    answers `TIMEOUT`.
    """

    table: np.ndarray  # (S, T + 1) in [0, 1]
    memory: float = 0.0
    fails: frozenset[int] = frozenset()
    spec: ModelSpec = field(
        default_factory=lambda: ModelSpec(
            name="table",
            version="1",
            views=("front",),
            required_views=("front",),
            image_size=SIZE,
        )
    )

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        state = int(start_frames["front"][0, 0, 0, 0])
        return Episode(task=task, progress=float(self.table[state, 0]))

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        states = frames["front"][:, 0, 0, 0].astype(int)
        progress = np.empty(len(episodes), np.float32)
        status = np.full(len(episodes), Status.OK, np.int8)
        for i, (episode, state) in enumerate(zip(episodes, states, strict=True)):
            episode.steps += 1
            if episode.steps in self.fails:
                status[i], progress[i] = Status.TIMEOUT, np.nan
                continue
            fresh = self.table[state, episode.steps]
            episode.progress = (1 - self.memory) * fresh + self.memory * episode.progress
            progress[i] = episode.progress
        one = np.ones_like(progress)
        return Estimate(progress=progress, success=one, confidence=one, status=status)


@dataclass(frozen=True)
class Paid:
    """What every history was paid: prefix to total reward of its last step, end to w * Phi."""

    reward: dict[object, float]
    potential: dict[object, float]


def play(
    mdp: FiniteMDP,
    paths: Sequence[Path],
    shaper: Shaper,
    *,
    steps: int,
    query_every: int = 1,
    weight_at: Callable[[int], float] = lambda t: 1.0,
) -> Paid:
    """Play all histories side by side, one slot each, as a vector environment would.

    Args:
        mdp: The process.
        paths: From :func:`every_path`.
        shaper: With one slot for each path.
        steps: The time limit; a history that reaches it is truncated.
        query_every: k; the last frame of an episode is always there.
        weight_at: Weight of the potential in force after so many steps.
    """
    reward: dict[object, float] = {}
    potential: dict[object, float] = {}
    shaper.weight = weight_at(0)
    shaper.begin({slot: (TASK, frame_of(path.first)) for slot, path in enumerate(paths)})
    for t in range(steps):
        active = np.array([len(path.moves) > t for path in paths])
        rewards, ends = np.zeros(len(paths)), np.zeros(len(paths), bool)
        frames = {}
        for slot in np.flatnonzero(active).tolist():
            path = paths[slot]
            before = path.moves[t - 1][1] if t else path.first
            action, state = path.moves[t]
            rewards[slot] = mdp.reward[before, action, state]
            ends[slot] = mdp.terminal[state]
            if ends[slot] or t == steps - 1 or (t + 1) % query_every == 0:
                frames[slot] = frame_of(state)
        shaper.weight = weight_at(t + 1)
        truncated = active & ~ends & (t == steps - 1)
        step = shaper.step(rewards, ends, truncated, frames, active=active)
        for slot in np.flatnonzero(active).tolist():
            prefix = paths[slot].prefix(t + 1)
            total = float(step.total[slot])
            assert reward.setdefault(prefix, total) == total  # the same past, the same pay
            if truncated[slot]:
                signals = step.signals
                potential[prefix] = float(signals.next_weight[slot] * signals.next_phi[slot])
    return Paid(reward=reward, potential=potential)


def optimal_sets(
    mdp: FiniteMDP,
    paths: Sequence[Path],
    *,
    gamma: float,
    reward: Callable[[object], float],
    final: Callable[[object], float],
) -> dict[object, tuple[bool, ...]]:
    """Solve the tree of histories backwards: prefix to which actions are optimal there.

    Args:
        mdp: The process.
        paths: From :func:`every_path`.
        gamma: Discount.
        reward: Prefix to the reward of its last step.
        final: Prefix of a truncated history to what it is bootstrapped with.
    """
    prefixes = {path.prefix(n) for path in paths for n in range(len(path.moves) + 1)}
    inner = {path.prefix(n) for path in paths for n in range(len(path.moves))}
    value: dict[object, float] = {}
    sets: dict[object, tuple[bool, ...]] = {}
    for first, moves in sorted(prefixes, key=lambda prefix: -len(prefix[1])):
        here = (first, moves)
        last = moves[-1][1] if moves else first
        if here not in inner:
            value[here] = 0.0 if mdp.terminal[last] else final(here)
            continue
        q = np.zeros(mdp.actions)
        for action, state in np.argwhere(mdp.transition[last] > 0.0).tolist():
            there = (first, (*moves, (action, state)))
            chance = mdp.transition[last, action, state]
            q[action] += chance * (reward(there) + gamma * value[there])
        value[here] = float(q.max())
        sets[here] = tuple(bool(ok) for ok in q >= q.max() - 1e-6)
    return sets
