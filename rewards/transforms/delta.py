"""Differences of readings: a return that no length of an episode raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from kibble.rewards.rule import ShapingRule, Terms
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.signals import Signals

__all__ = ["Delta"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Replace the term ``shaping`` by w' * Phi(s') - w * Phi(s), without gamma.

    The plain sum over an episode is its last potential minus its first. The discounted sum is at
    most max Phi - Phi(s_0), by summation by parts, however long the episode: a loop cannot be
    farmed. Unlike potential-based shaping it does favour an early gain over a late one when
    gamma < 1, also where the gain is given up again, by up to that bound.

    Source:
        Gao et al. 2024, "On Designing Effective RL Reward at Training Time for LLM Reasoning",
        the Delta mechanism, after its purpose: bounded return. There step k of a finished answer
        is paid r_k - r_{k+1}, which needs the reading that follows; a step paid as it happens
        cannot have it, so here readings before and after the step are compared. (Formula of the
        paper from general knowledge.)
    """

    @property
    def window(self) -> int:
        """1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Replace the shaping term."""
        rule = ShapingRule(gamma=1.0, mode=ShapingMode.DIFFERENCE)  # this mode reads no gamma
        return {**terms, "shaping": rule(signals)["shaping"]}
