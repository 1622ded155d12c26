"""The potential that the reward node publishes, held where nothing new may be published."""

from __future__ import annotations

import math
from typing import final

from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.scorer import Scored
from kibble.rewards.shaping import parse_mode, shaping_term

__all__ = ["HeldPotential"]


@final
class HeldPotential:
    """One potential per message of an episode, renewed by readings and held between them.

    Args:
        parameters: For gamma, the mode of shaping, scale and shift.

    Attributes:
        shown: The reading in force; ``None`` before the episode's first.
    """

    def __init__(self, parameters: NodeParameters) -> None:
        self.shown: Scored | None = None
        self._gamma = parameters.gamma
        self._mode = parse_mode(parameters.shaping)
        self._scale = parameters.scale
        self._shift = parameters.shift
        self._last = math.nan  # Phi of the episode's last message
        self._fresh = False

    @property
    def phi(self) -> float:
        """Phi = scale * (progress + shift); NaN before the episode's first reading."""
        if self.shown is None:
            return math.nan
        return self._scale * (self.shown.reading.progress + self._shift)

    def begin(self) -> None:
        """Begin an episode."""
        self.shown, self._last, self._fresh = None, math.nan, False

    def take(self, scored: Scored) -> None:
        """Renew the potential from a reading with status OK."""
        self.shown, self._fresh = scored, True

    def pay(self, *, terminated: bool) -> float:
        """Return the shaping term since the episode's last message, 0 where there was none.

        In the mode ``potential`` that is gamma * Phi' - Phi, with Phi' = 0 where the episode
        terminated; so the terms of an episode's messages telescope.

        Args:
            terminated: Whether success or failure ended the episode with this message.
        """
        last, now, fresh = self._last, self.phi, self._fresh
        self._last, self._fresh = now, False
        if math.isnan(last):
            return 0.0
        return float(
            shaping_term(
                [last], [now], [terminated], gamma=self._gamma, mode=self._mode, queried=[fresh]
            )[0]
        )
