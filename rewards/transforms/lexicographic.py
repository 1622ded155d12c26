"""Lexicographic order: the primary reward first, then one term after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import Terms
from kibble.rewards.shaping import check_gamma
from kibble.rewards.signals import Signals

__all__ = ["Lexicographic"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicographic:
    """Shrink the terms but ``task`` until together they cannot outweigh it.

    Level k (1, 2, … in the order given) becomes::

        margin**k * (1 - gamma) / 2 * clip(term / limit, -1, 1)

    so its discounted return lies within margin**k / 2 of 0 however long the episode, and differs
    between two policies by margin**k at most. A policy whose primary return is higher by more
    than margin + margin**2 + … is therefore preferred whatever the other terms say; among equals
    the first term decides by the same rule, and so on.

    Args:
        gamma: The agent's discount factor, in [0, 1).
        order: Names of terms, most important first; terms that are not named follow in the order
            in which they were added.
        margin: In (0, 1): differences of primary return that count as none.
        limit: Above 0: terms are clipped to this size.

    Raises:
        ShapingError: If an argument is out of range, or ``order`` names a term that is not there.

    Source:
        First principles; the order itself as in Skalse et al. 2022, "Lexicographic Multi-Objective
        Reinforcement Learning", and HERON (Bukharin et al. 2023).
    """

    gamma: float
    order: tuple[str, ...] = ()
    margin: float = 0.1
    limit: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", tuple(self.order))
        if check_gamma(self.gamma) == 1.0:
            raise ShapingError(
                "`gamma` must be below 1 for a lexicographic order, got 1.0: an endless episode "
                "would have no bound; give the agent a discount below 1."
            )
        if not 0.0 < self.margin < 1.0:
            raise ShapingError(f"`margin` must lie in (0, 1), got {self.margin}.")
        if not self.limit > 0.0 or not np.isfinite(self.limit):
            raise ShapingError(f"`limit` must be above 0, got {self.limit}.")

    @property
    def window(self) -> int:
        """1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Shrink the terms level by level."""
        others = [name for name in terms if name != "task"]
        for name in self.order:
            if name not in others:
                raise ShapingError(
                    f"`order` must name terms that are there, {', '.join(others)}, got {name!r}; "
                    "put the transform that adds it before the order."
                )
        ranked = [*self.order, *(name for name in others if name not in self.order)]
        shrunk: Terms = {"task": terms["task"]}
        for level, name in enumerate(ranked, start=1):
            size = self.margin**level * (1.0 - self.gamma) / 2.0
            shrunk[name] = size * np.clip(terms[name] / self.limit, -1.0, 1.0)
        return shrunk
