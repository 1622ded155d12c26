"""What a policy does in a trap, exactly: no episodes are sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.envs.traps import Trap
from kibble.rewards.held_queries import HeldQueries
from kibble.rewards.tabular import evaluate_policy, occupancy

__all__ = ["Outcome", "outcome_of", "ways_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one policy does in one trap, in expectation over starts and slips.

    Args:
        success: Share of episodes that reach the goal within the time limit, in [0, 1].
        return_task: Discounted return of the task's own reward, without a time limit.
        model_reward: Progress that the model reads, summed over the steps of an episode and
            divided by the time limit, in [0, 1]: what the model pays whom it is believed by.
    """

    success: float
    return_task: float
    model_reward: float


def outcome_of(
    trap: Trap,
    held: HeldQueries,
    policy: NDArray[np.float64],
    progress: NDArray[np.float64],
    *,
    gamma: float,
) -> Outcome:
    """Return what a policy does.

    Args:
        trap: The trap.
        held: Its process with queries, X states.
        policy: (X, A) probability of each action.
        progress: (S,) what the reward model reads in each cell.
        gamma: Discount of the agent.
    """
    mdp = held.mdp
    where = occupancy(mdp, policy, steps=trap.steps)  # (T + 1, X)
    cells = trap.layout.cells
    goal = np.array([trap.layout.is_goal(cells[state]) for state in held.state])
    stepping = where[:-1] * ~mdp.terminal  # who still takes step t
    moves = np.einsum("ia,iaj->ij", policy, mdp.transition)
    return Outcome(
        success=float(where[-1] @ goal),
        return_task=float(mdp.start @ evaluate_policy(mdp, policy, gamma=gamma)),
        model_reward=float((stepping @ moves @ progress[held.state]).sum() / trap.steps),
    )


def ways_of(
    trap: Trap, held: HeldQueries, policy: NDArray[np.float64]
) -> tuple[tuple[int, ...], ...]:
    """Return the likeliest way from each start, as numbers of cells, one for each step."""
    ways = []
    for first in np.flatnonzero(held.mdp.start).tolist():
        way = [first]
        while len(way) <= trap.steps and not held.mdp.terminal[way[-1]]:
            action = int(policy[way[-1]].argmax())
            way.append(int(held.mdp.transition[way[-1], action].argmax()))
        ways.append(tuple(int(held.state[x]) for x in way))
    return tuple(ways)
