"""What one step of N parallel episodes was paid, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.rule import Terms, total
from kibble.rewards.signals import Signals

__all__ = ["ShapedStep"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShapedStep:
    """What N slots were paid for one step; terms of slots that did not step are zero.

    Args:
        terms: Name to (N,) float64: ``task``, the primary reward as the environment gave it, and
            the rule's further terms.
        signals: What the terms were derived from, N transitions. Where a slot did not step it
            says what is held.
        status: (N,) int8 of :class:`kibble.rewards.Status`, of the last query.
    """

    terms: Terms
    signals: Signals
    status: NDArray[np.int8]

    @property
    def task(self) -> NDArray[np.float64]:
        """(N,) float64, the primary reward."""
        return self.terms["task"]

    @property
    def shaping(self) -> NDArray[np.float64]:
        """(N,) float64, the sum of all other terms."""
        others = {name: term for name, term in self.terms.items() if name != "task"}
        return total({"task": np.zeros_like(self.task), **others})

    @property
    def total(self) -> NDArray[np.float64]:
        """(N,) float64, the reward to learn from: the sum of the terms."""
        return total(self.terms)

    @property
    def phi(self) -> NDArray[np.float64]:
        """(N,) float64, the potential of the frame reached, also where the rule counts it as 0."""
        return self.signals.next_phi

    def info(self, slot: int) -> dict[str, object]:
        """Return the entries that a wrapper adds to ``info`` after a step of that slot."""
        return {
            "reward_terms": {name: float(term[slot]) for name, term in self.terms.items()},
            "phi": float(self.phi[slot]),
            "model_progress": float(self.signals.next_progress[slot]),
            "model_success": float(self.signals.success[slot]),
            "model_status": int(self.status[slot]),
        }
