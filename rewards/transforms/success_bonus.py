"""A bonus for success, so that the step that succeeds never pays less than the ones before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import Terms
from kibble.rewards.signals import Signals

__all__ = ["SuccessBonus"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessBonus:
    """Add the term ``success_bonus``: ``value`` times the task's reward where an episode ends.

    With a potential above 0 the step that ends an episode in success pays ``task - Phi(s)``, and
    may punish success in the first episodes that have it; ``value`` = gamma * max(Phi) makes up
    for it. A sparse primary reward becomes ``1 + value`` times itself, which prefers the same
    policies. A shift that makes 0 the largest potential does without.

    Args:
        value: Bonus per reward of the task, at least 0.

    Raises:
        ShapingError: If ``value`` is below 0 or not finite.

    >>> flag = np.ones(1, np.bool_)
    >>> SuccessBonus(value=4.0).pay(Signals.sparse(np.ones(1), flag, ~flag), {})
    {'success_bonus': array([4.])}
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.value) or self.value < 0.0:
            raise ShapingError(f"`value` must be finite and at least 0, got {self.value}.")

    @property
    def window(self) -> int:
        """It looks at no past readings, so 1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Add the bonus."""
        bonus = np.where(signals.terminated, self.value * signals.task, 0.0)
        return {**terms, "success_bonus": bonus}
