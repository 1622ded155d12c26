"""Clipping: a reading is worth something only where it falls short of a threshold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from kibble.rewards.signals import Signals

__all__ = ["Clip"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Phi becomes min(Phi - threshold, 0).

    It is never positive. With the mode ``absolute`` that is the published clipping: no number of
    further steps raises the return, which is at most the primary one, so padding an episode with
    well-read steps earns nothing. With the mode ``potential`` it merely flattens readings above
    the threshold, and the optimal policies stay.

    Args:
        threshold: In units of Phi, that is of ``scale * (progress + shift)``.

    Source:
        Gao et al. 2024, "On Designing Effective RL Reward at Training Time for LLM Reasoning",
        the Clip mechanism (formula from general knowledge of the paper).

    >>> from kibble.rewards.signals import Signals
    >>> flag = np.zeros(1, np.bool_)
    >>> Clip(threshold=-0.25).map(Signals.sparse(np.zeros(1), flag, flag)).next_phi
    array([0.])
    """

    threshold: float = 0.0

    @property
    def window(self) -> int:
        """1."""
        return 1

    def map(self, signals: Signals) -> Signals:
        """Clip Phi(s) and Phi(s')."""
        return replace(
            signals,
            phi=np.minimum(signals.phi - self.threshold, 0.0),
            next_phi=np.minimum(signals.next_phi - self.threshold, 0.0),
        )
