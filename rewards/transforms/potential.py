"""Potential-based shaping as a transform, whatever the shaping mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from kibble.rewards.rule import ShapingRule, Terms
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.signals import Signals

__all__ = ["PotentialShaping"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialShaping:
    """Replace the term ``shaping`` by gamma * w' * Phi(s') - w * Phi(s).

    Args:
        gamma: The agent's discount factor, in [0, 1].

    Source:
        Ng, Harada and Russell 1999, theorem 1.
    """

    gamma: float

    @property
    def window(self) -> int:
        """1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Replace the shaping term."""
        rule = ShapingRule(gamma=self.gamma, mode=ShapingMode.POTENTIAL)
        return {**terms, "shaping": rule(signals)["shaping"]}
