"""A finite process whose reward model is asked every k-th step, as a larger finite process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ShapingError
from kibble.rewards.tabular import FiniteMDP

__all__ = ["HeldQueries", "hold_between_queries"]

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldQueries:
    """The process over (state, state last read, steps since): X of them, those that can happen.

    What a potential held between queries pays is a function of these and not of the state alone.

    Args:
        mdp: The process, X states.
        state: (X,) the state of the process before.
        read: (X,) the state that the reward model read last.
        since: (X,) steps since then.
    """

    mdp: FiniteMDP
    state: IntArray
    read: IntArray
    since: IntArray

    @property
    def fresh(self) -> NDArray[np.bool_]:
        """(X,) whether the model was read on reaching this very state."""
        fresh: NDArray[np.bool_] = self.since == 0
        return fresh


def hold_between_queries(mdp: FiniteMDP, *, every: int) -> HeldQueries:
    """Ask at the start of an episode, on every k-th step and where it terminates.

    Args:
        mdp: The process.
        every: k, at least 1.

    Returns:
        The process with what was read last. With k = 1 it is the process itself, less the states
        that no policy reaches.

    Raises:
        ShapingError: If k is less than 1.
    """
    if every < 1:
        raise ShapingError(f"`every` must be at least 1, got {every}.")
    found: dict[tuple[int, int, int], int] = {}
    for state in np.flatnonzero(mdp.start).tolist():
        found[state, state, 0] = len(found)
    rows: list[tuple[int, int, int, int]] = []  # from, action, to, state reached
    waiting = list(found)
    while waiting:
        here = waiting.pop(0)
        state, read, since = here
        if mdp.terminal[state]:
            continue
        for action, reached in np.argwhere(mdp.transition[state] > 0.0).tolist():
            due = (since + 1) % every == 0 or bool(mdp.terminal[reached])
            there = (reached, reached, 0) if due else (reached, read, since + 1)
            if there not in found:
                found[there] = len(found)
                waiting.append(there)
            rows.append((found[here], action, found[there], reached))
    keys = np.array(list(found), np.intp)  # (X, 3)
    count, states = len(keys), keys[:, 0]
    transition = np.zeros((count, mdp.actions, count))
    reward = np.zeros((count, mdp.actions, count))
    for before, action, after, reached in rows:
        transition[before, action, after] = mdp.transition[states[before], action, reached]
        reward[before, action, after] = mdp.reward[states[before], action, reached]
    start = np.zeros(count)
    first = np.flatnonzero(mdp.start)
    start[: len(first)] = mdp.start[first]
    larger = FiniteMDP(
        transition=transition, reward=reward, terminal=mdp.terminal[states], start=start
    )
    return HeldQueries(mdp=larger, state=states, read=keys[:, 1], since=keys[:, 2])
