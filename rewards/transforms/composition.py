"""A reward rule composed of a shaping mode and transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import ShapingRule, Terms
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.signals import Signals

__all__ = ["ComposedRule", "PotentialTransform", "TermTransform"]


class PotentialTransform(Protocol):
    """Maps Phi(s) and Phi(s') by one function of what is known at each of the two states.

    What step t makes of Phi(s') must be what step t + 1 makes of Phi(s); then the sum over an
    episode telescopes as before and potential-based shaping keeps the optimal policies.
    """

    @property
    def window(self) -> int:
        """How many recent readings it needs, at least 1."""
        ...

    def map(self, signals: Signals) -> Signals:
        """Return the signals with other ``phi``, ``next_phi`` or weights."""
        ...


class TermTransform(Protocol):
    """Changes, replaces or adds named terms. ``task`` is left as it is."""

    @property
    def window(self) -> int:
        """How many recent readings it needs, at least 1."""
        ...

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Return the new terms, (N,) float64 each; those given are not written to."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedRule:
    """Transforms of the potential in their order, the shaping mode, transforms of the terms.

    Args:
        gamma: The agent's discount factor, in [0, 1].
        mode: One of :class:`ShapingMode`, or its name.
        potentials: Transforms of the potential, first to last.
        payments: Transforms of the terms, first to last.

    Raises:
        ShapingError: If gamma or the mode is unfit.
    """

    gamma: float
    mode: ShapingMode = ShapingMode.POTENTIAL
    potentials: tuple[PotentialTransform, ...] = ()
    payments: tuple[TermTransform, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", ShapingRule(gamma=self.gamma, mode=self.mode).mode)

    @property
    def window(self) -> int:
        """The most recent readings that any transform needs."""
        windows = [potential.window for potential in self.potentials]
        windows += [payment.window for payment in self.payments]
        return max([1, *windows])

    def __call__(self, signals: Signals) -> Terms:
        """Return the terms.

        Raises:
            ShapingError: If a term is not finite, or a transform altered ``task``.
        """
        for potential in self.potentials:
            signals = potential.map(signals)
        terms = ShapingRule(gamma=self.gamma, mode=self.mode)(signals)
        for payment in self.payments:
            terms = payment.pay(signals, terms)
        for name, term in terms.items():
            if not np.isfinite(term).all():
                raise ShapingError(
                    f"The term {name!r} must be finite, got {term[~np.isfinite(term)][0]}; "
                    "mend the reward model, or the environment's penalties."
                )
        if not np.array_equal(terms["task"], signals.task):
            raise ShapingError("The term 'task' must stay the primary reward; add another term.")
        return terms
