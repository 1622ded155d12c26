"""Weighting by the steadiness of recent readings, on the potential or on the terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import Terms
from kibble.rewards.signals import Floats, Signals
from kibble.rewards.transforms.factor import scaled

__all__ = ["SteadyPotential", "SteadyTerms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steadiness:
    """exp(-U / temperature), U the variance of the episode's last readings.

    Args:
        readings: W, how many readings, at least 2.
        temperature: Above 0, in squared units of progress; a variance of this size leaves 37 %.

    Raises:
        ShapingError: If an argument is out of range.
    """

    readings: int = 5
    temperature: float = 0.01

    def __post_init__(self) -> None:
        if self.readings < 2:
            raise ShapingError(f"`readings` must be at least 2, got {self.readings}.")
        if not self.temperature > 0.0 or not np.isfinite(self.temperature):
            raise ShapingError(f"`temperature` must be above 0, got {self.temperature}.")

    @property
    def window(self) -> int:
        """One more than ``readings``: those up to s, and the one at s'."""
        return self.readings + 1

    def after(self, signals: Signals) -> Floats:
        """Return the factor of the readings up to s', (N,) float64 in (0, 1]."""
        return self._factor(signals.recent[:, -self.readings :])

    def before(self, signals: Signals) -> Floats:
        """Return the factor of the readings up to s, as the step before gave it for its s'."""
        earlier = signals.recent[:, -self.readings - 1 : -1]
        same = signals.recent[:, -self.readings :]  # where s' was not read anew
        return self._factor(np.where(signals.queried[:, None], earlier, same))

    def _factor(self, readings: Floats) -> Floats:
        known = ~np.isnan(readings)
        count = np.maximum(known.sum(axis=1), 1)
        mean = np.where(known, readings, 0.0).sum(axis=1) / count
        squares = np.where(known, (readings - mean[:, None]) ** 2, 0.0).sum(axis=1)
        return np.asarray(np.exp(-squares / count / self.temperature))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyPotential(_Steadiness):
    """Multiply the weight of the potential at each state by exp(-variance / temperature).

    The variance at s is over the readings up to s and that at s' over those up to s', so the
    weighted potential telescopes and the mode ``potential`` keeps the optimal policies.

    Source:
        Zhang et al. 2024, "Ctrl-U: Robust Conditional Image Generation via Uncertainty-aware
        Reward Modeling": a reward counts with exp(-U), U its variance. There U is of two
        generations and learned against; here it is of neighbouring frames and only read.
    """

    def map(self, signals: Signals) -> Signals:
        """Multiply both weights."""
        return replace(
            signals,
            weight=signals.weight * self.before(signals),
            next_weight=signals.next_weight * self.after(signals),
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyTerms(_Steadiness):
    """Multiply every term but ``task`` by exp(-variance / temperature) at s'.

    That is the published place of the weight. It changes what is optimal: an agent gains by
    advancing while readings are steady and going back while they are not. A baseline.

    Source:
        As :class:`SteadyPotential`.
    """

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Scale the terms."""
        return scaled(terms, self.after(signals))
