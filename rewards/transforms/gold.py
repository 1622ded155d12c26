"""The gold reward: a model that reads the task as done is paid as success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import Terms
from kibble.rewards.shaping import check_gamma
from kibble.rewards.signals import Signals

__all__ = ["Gold"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """Add the term ``gold`` where ``votes`` of the last ``of`` readings reach 1 - delta.

    Where the episode terminates it pays ``value``; on other steps (1 - gamma) * value. Staying
    forever is then worth ``value``, as much as ending there and no more: the discounted gold of
    an episode never exceeds ``value``. With ``every_step`` each such step pays ``value`` in full,
    which is the published form; it is sound only where the episode ends by it.

    It stands for a primary reward that a robot does not have. Readings that are wrong are paid as
    well; the votes ask for several. A reading that is held counts once.

    Args:
        gamma: The agent's discount factor, in [0, 1].
        delta: How far from 1 progress may be, in [0, 1).
        votes: k, how many readings must agree.
        of: W, out of how many of the last readings.
        value: What success is worth.
        every_step: Whether each step is paid in full.

    Raises:
        ShapingError: If an argument is out of range.

    Source:
        Robo-Dopamine (Tan et al. 2025): r_gold = 1 where Phi >= 1 - delta, delta = 0.05. Votes
        and the annuity are ours.
    """

    gamma: float
    delta: float = 0.05
    votes: int = 1
    of: int = 1
    value: float = 1.0
    every_step: bool = False

    def __post_init__(self) -> None:
        check_gamma(self.gamma)
        if not 0.0 <= self.delta < 1.0:
            raise ShapingError(f"`delta` must lie in [0, 1), got {self.delta}.")
        if not 1 <= self.votes <= self.of:
            raise ShapingError(
                f"`votes` must lie between 1 and `of`, got {self.votes} of {self.of}; "
                "write for example votes: 3, of: 5."
            )
        if not np.isfinite(self.value):
            raise ShapingError(f"`value` must be finite, got {self.value}.")

    @property
    def window(self) -> int:
        """W."""
        return self.of

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Add the term; it is weighted like the potential."""
        high = signals.recent[:, -self.of :] >= 1.0 - self.delta  # (N, W), NaN votes no
        done = high.sum(axis=1) >= self.votes
        share = np.where(signals.terminated, 1.0, 1.0 - self.gamma)
        if self.every_step:
            share = np.ones(len(signals))
        gold = np.where(done, signals.next_weight * share * self.value, 0.0)
        return {**terms, "gold": gold}
