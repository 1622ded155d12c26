"""From signals to rewards: the rule that a wrapper or a buffer pays by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.shaping import ShapingMode, check_gamma, parse_mode, shaping_term
from kibble.rewards.signals import Floats, Signals

__all__ = ["RewardRule", "ShapingRule", "Terms", "chosen_rule", "total"]

Terms: TypeAlias = dict[str, Floats]
"""Named terms of a reward, (N,) float64 each; the reward is their sum."""


class RewardRule(Protocol):
    """A pure function from what is known of transitions to the terms of their rewards.

    A rule has no memory: the same signals are paid the same whenever it is asked.
    """

    @property
    def gamma(self) -> float:
        """The agent's discount factor, which the rule was made for."""
        ...

    @property
    def window(self) -> int:
        """How many recent readings it needs in ``Signals.recent``, at least 1."""
        ...

    def __call__(self, signals: Signals) -> Terms:
        """Return the terms; ``task`` is one of them and is the primary reward, unaltered."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShapingRule:
    """The terms ``task`` and ``shaping``, the latter by :func:`kibble.rewards.shaping_term`.

    Args:
        gamma: The agent's discount factor, in [0, 1].
        mode: One of :class:`ShapingMode`, or its name.

    Raises:
        ShapingError: If an argument is out of range.

    >>> import numpy as np
    >>> from kibble.rewards.signals import Signals
    >>> flag = np.zeros(1, np.bool_)
    >>> sorted(ShapingRule(gamma=0.9)(Signals.sparse(np.ones(1), flag, flag)))
    ['shaping', 'task']
    """

    gamma: float
    mode: ShapingMode = ShapingMode.POTENTIAL

    def __post_init__(self) -> None:
        check_gamma(self.gamma)
        object.__setattr__(self, "mode", parse_mode(self.mode))

    @property
    def window(self) -> int:
        """It looks at no past readings, so 1."""
        return 1

    def __call__(self, signals: Signals) -> Terms:
        """Return ``task`` and ``shaping``.

        Raises:
            ShapingError: If a potential or a weight is not finite.
        """
        shaping = shaping_term(
            signals.phi,
            signals.next_phi,
            signals.terminated,
            gamma=self.gamma,
            weight=signals.weight,
            next_weight=signals.next_weight,
            mode=self.mode,
            queried=signals.queried,
        )
        return {"task": signals.task, "shaping": np.asarray(shaping, np.float64)}


def total(terms: Terms) -> Floats:
    """Return the reward, (N,) float64: the sum of the terms in their order.

    >>> import numpy as np
    >>> total({"task": np.array([1.0]), "shaping": np.array([-0.25])})
    array([0.75])
    """
    return np.asarray(sum(terms.values(), start=np.zeros_like(terms["task"])), np.float64)


def chosen_rule(rule: RewardRule | None, *, gamma: float, mode: ShapingMode | str) -> RewardRule:
    """Return the rule given, or the :class:`ShapingRule` of a mode where there is none.

    Raises:
        ShapingError: If the rule was made for another gamma, or a mode is given beside it.
    """
    plain = ShapingRule(gamma=gamma, mode=parse_mode(mode))
    if rule is None:
        return plain
    if rule.gamma != gamma:
        raise ShapingError(
            f"`rule` must be made for the agent's gamma, {gamma}, got one made for {rule.gamma}; "
            "give both the same value."
        )
    if plain.mode is not ShapingMode.POTENTIAL:
        raise ShapingError(
            f"`mode` must not be given beside `rule`, got {plain.mode.value!r}; "
            "make the rule with that mode."
        )
    return rule
