"""Preference as reward: how surely a frame is preferred to a reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.signals import Floats, Signals

__all__ = ["Preference"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Phi becomes scale * (sigmoid(steepness * (progress - reference)) + shift).

    The reward is centred on a reference reading and bounded: it rises fast where the episode
    begins to beat the reference and saturates where a hacked reading would go on rising. The
    published reward is paid once, for the whole answer. Per step it belongs on the potential, as
    here: paid as an absolute reward it can be farmed like any other.

    Args:
        steepness: Above 0; how sharply progress is told from the reference.
        reference: Progress in [0, 1] to beat, or ``None`` for the episode's own first frame.
        scale: Multiplies the potential.
        shift: Added before scaling; -1 makes the best frame the zero of potential.

    Raises:
        ShapingError: If an argument is out of range.

    Source:
        Fu et al. 2025, "Reward Shaping to Mitigate Reward Hacking in RLHF" (PAR),
        r = sigmoid(r - r_ref) (formula from general knowledge of the paper).
    """

    steepness: float = 10.0
    reference: float | None = None
    scale: float = 1.0
    shift: float = -1.0

    def __post_init__(self) -> None:
        if not self.steepness > 0.0 or not np.isfinite(self.steepness):
            raise ShapingError(f"`steepness` must be above 0, got {self.steepness}.")
        if self.reference is not None and not 0.0 <= self.reference <= 1.0:
            raise ShapingError(
                f"`reference` must be progress in [0, 1], got {self.reference}; "
                "null takes each episode's first frame."
            )

    @property
    def window(self) -> int:
        """1."""
        return 1

    def map(self, signals: Signals) -> Signals:
        """Replace Phi(s) and Phi(s')."""
        reference = signals.start_progress
        if self.reference is not None:
            reference = np.full(len(signals), self.reference)
        return replace(
            signals,
            phi=self._preferred(signals.progress, reference),
            next_phi=self._preferred(signals.next_progress, reference),
        )

    def _preferred(self, progress: Floats, reference: Floats) -> Floats:
        # the logistic function by tanh, which cannot overflow
        share = 0.5 + 0.5 * np.tanh(0.5 * self.steepness * (progress - reference))
        return np.asarray(self.scale * (share + self.shift))
