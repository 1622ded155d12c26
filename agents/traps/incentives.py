"""What a reward asks for in a trap: the agent that has nothing left to learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kibble.envs.traps import Trap, TrapModel
from kibble.envs.traps.definitions import CELL
from kibble.envs.traps.drawing import draw
from kibble.envs.traps.env import INSTRUCTION
from kibble.rewards.held_queries import HeldQueries
from kibble.rewards.rule import RewardRule, total
from kibble.rewards.signals import Signals
from kibble.rewards.tabular import FiniteMDP, solve, uniform_over
from kibble.rewards.types import Task

__all__ = ["optimal_policy", "progress_in_every_cell", "rewarded"]

FloatArray = NDArray[np.float64]


def progress_in_every_cell(trap: Trap, model: TrapModel) -> FloatArray:
    """Return what the model reads with the robot in each cell, (S,) in [0, 1]."""
    task = Task(instruction=INSTRUCTION)
    frames = [draw(trap.layout, cell, cell=CELL)[None] for cell in trap.layout.cells]
    return np.array([model.begin(task, {"front": frame}).progress for frame in frames])


def rewarded(
    held: HeldQueries, progress: FloatArray, rule: RewardRule, *, shift: float
) -> FiniteMDP:
    """Return the process with what a rule pays for progress held between queries.

    Args:
        held: The process with its queries.
        progress: (S,) reading of each state.
        rule: The rule; it may look at the two potentials and flags of a transition, no further
            back.
        shift: Added to progress to give the potential.
    """
    shape = held.mdp.transition.shape
    before = np.broadcast_to(progress[held.read][:, None, None], shape).ravel()
    after = np.broadcast_to(progress[held.read], shape).ravel()
    sparse = Signals.sparse(
        held.mdp.reward.ravel(),
        np.broadcast_to(held.mdp.terminal, shape).ravel(),
        np.zeros(before.size, np.bool_),
        window=rule.window,
    )
    signals = replace(
        sparse,
        phi=before + shift,
        next_phi=after + shift,
        progress=before,
        next_progress=after,
        queried=np.broadcast_to(held.fresh, shape).ravel(),
    )
    return replace(held.mdp, reward=total(rule(signals)).reshape(shape))


def optimal_policy(
    held: HeldQueries, progress: FloatArray, rule: RewardRule, *, shift: float
) -> FloatArray:
    """Return the optimal policy under a rule, (X, A); it tosses coins where actions are equal."""
    paid = rewarded(held, progress, rule, shift=shift)
    return uniform_over(solve(paid, gamma=rule.gamma).optimal)
