"""Weighting by the model's own confidence, on the potential or on the terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from kibble.rewards.rule import Terms
from kibble.rewards.signals import Floats, Signals
from kibble.rewards.transforms.factor import scaled

__all__ = ["ConfidentPotential", "ConfidentTerms"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidentPotential:
    """Multiply the weight of the potential at each state by the confidence held there.

    c(s') * Phi(s') is a potential that depends on the episode so far, so under the mode
    ``potential`` the optimal policies stay. A state whose confidence is not known yet (the first
    frame) counts with 1.

    Source:
        Devlin and Kudenko 2012, "Dynamic Potential-Based Reward Shaping", theorem 1, for weights
        that change with time.
    """

    @property
    def window(self) -> int:
        """1."""
        return 1

    def map(self, signals: Signals) -> Signals:
        """Multiply both weights."""
        return replace(
            signals,
            weight=signals.weight * _known(signals.last_confidence),
            next_weight=signals.next_weight * _known(signals.confidence),
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidentTerms:
    """Multiply every term but ``task`` by the confidence at s'.

    It changes what is optimal: c * (gamma * Phi' - Phi) does not telescope, so an agent gains by
    advancing where the model is sure and going back where it is not. A baseline.
    """

    @property
    def window(self) -> int:
        """1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Scale the terms."""
        return scaled(terms, _known(signals.confidence))


def _known(confidence: Floats) -> Floats:
    """Return the confidence, 1 where there is none yet."""
    return np.where(np.isnan(confidence), 1.0, confidence)
