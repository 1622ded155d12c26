"""Gating the dense reward on the sparse one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import Terms
from kibble.rewards.signals import Signals
from kibble.rewards.transforms.factor import scaled

__all__ = ["Gate"]

_SIGNALS = ("task", "success")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Pay the dense reward of an episode at its end, and only if the sparse one was earned.

    Dense gains that add up without loss telescope, so what an episode has accumulated is its last
    reading of progress minus its first. The last step pays ``scale`` times that, weighted, where
    the gate is open; every other step pays the primary reward alone. Further terms that stand
    before the gate pass it on the last step only. The dense return is at most ``scale`` and is
    nothing without success.

    Args:
        by: ``task`` opens the gate by the last primary reward, ``success`` by the model's last
            probability of success.
        threshold: The least value that opens it.
        scale: Pay for progress from 0 to 1.

    Raises:
        ShapingError: If ``by`` is unknown.

    Source:
        Sun et al. 2025, "Stabilizing Long-term Multi-turn Reinforcement Learning with Gated
        Rewards" (G-RA): immediate rewards are accumulated only where the long-term reward meets a
        threshold.
    """

    by: str = "task"
    threshold: float = 0.5
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.by not in _SIGNALS:
            raise ShapingError(f"`by` must be one of {', '.join(_SIGNALS)}, got {self.by!r}.")

    @property
    def window(self) -> int:
        """1."""
        return 1

    def pay(self, signals: Signals, terms: Terms) -> Terms:
        """Pay what the episode accumulated where the gate is open."""
        sparse = signals.task if self.by == "task" else signals.success
        ended = signals.terminated | signals.truncated
        opened = (ended & (sparse >= self.threshold)).astype(np.float64)  # NaN keeps it shut
        gained = signals.next_progress - signals.start_progress
        accumulated = self.scale * signals.next_weight * gained
        return scaled({**terms, "shaping": accumulated}, opened)
