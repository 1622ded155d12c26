"""Progress times the product of soft penalties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from kibble.rewards.rule import Terms
from kibble.rewards.signals import Signals

__all__ = ["SoftPenalties"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SoftPenalties:
    """Replace the term ``shaping`` by scale * (gain * product of penalties - loss).

    gain and loss are what the step raised or lowered weighted progress by. Penalties are factors
    in [0, 1] from ``info["penalties"]``; they take from gains alone. Were losses softened as well,
    an agent would go back under a penalty for nothing and be paid for the way again. So a loop
    never pays, and an episode earns at most ``scale``. A step with a hard infraction gains
    nothing; wrap the environment in :class:`kibble.envs.HardTermination`, so that it also ends
    the episode.

    Args:
        scale: Pay for progress from 0 to 1.

    Source:
        Jaeger et al. 2025, "CaRL: Learning Scalable Planning Policies with Simple Rewards":
        completion gained times the product of soft penalties; hard infractions terminate;
        finishing truncates. There completion cannot fall.
    """

    scale: float = 1.0

    @property
    def window(self) -> int:
        """1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Replace the shaping term."""
        before, after = (
            signals.weight * signals.progress,
            signals.next_weight * signals.next_progress,
        )
        change = after - before
        factor = np.where(signals.infraction, 0.0, signals.penalty)
        earned = np.where(change > 0.0, factor * change, change)
        return {**terms, "shaping": self.scale * earned}
