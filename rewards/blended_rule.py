"""A reward rule whose auxiliary terms are weighed by weights that a learner assigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import RewardRule, Terms
from kibble.rewards.signals import Signals

__all__ = ["BlendedRule"]


@final
class BlendedRule:
    """Pays ``task`` plus, for each further term of another rule, its weight times the term.

    Between two assignments it is a pure function like any rule. A term that is potential-based
    stays so for as long as its weight stands; a weight that changes within an episode adds
    (w' - w) * Phi once.

    Args:
        rule: The rule whose terms are weighed.
        initial: Weight of terms that no weight has been assigned to.

    Raises:
        ShapingError: If a weight is not finite.
    """

    def __init__(self, rule: RewardRule, *, initial: float = 1.0) -> None:
        self.rule = rule
        self.initial = _finite("initial", initial)
        self._weights: dict[str, float] = {}

    @property
    def gamma(self) -> float:
        """The agent's discount factor."""
        return self.rule.gamma

    @property
    def window(self) -> int:
        """How many recent readings the rule needs."""
        return self.rule.window

    def weight(self, name: str) -> float:
        """Return the weight of a term."""
        return self._weights.get(name, self.initial)

    def assign(self, weights: Mapping[str, float]) -> None:
        """Weigh terms by other weights from now on; those that are not named keep theirs.

        Raises:
            ShapingError: If a weight is not finite, or is that of the primary reward.
        """
        if "task" in weights:
            raise ShapingError("The term 'task' is never weighed, got a weight for it; leave it.")
        for name, weight in weights.items():
            self._weights[name] = _finite(name, weight)

    def __call__(self, signals: Signals) -> Terms:
        """Return the weighed terms."""
        return {
            name: term if name == "task" else self.weight(name) * term
            for name, term in self.rule(signals).items()
        }


def _finite(name: str, weight: float) -> float:
    if not np.isfinite(weight):
        raise ShapingError(f"The weight {name!r} must be finite, got {weight}.")
    return float(weight)
