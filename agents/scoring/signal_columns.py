"""Signals of many transitions in one array, to read any of them at once."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.signals import Signals

__all__ = ["SignalColumns"]

Places: TypeAlias = "NDArray[np.integer[Any]]"

_FLAGS = ("terminated", "truncated", "queried", "infraction")
_SINGLE = tuple(field.name for field in fields(Signals) if field.name != "recent")


@final
class SignalColumns:
    """A (B, N) table of transitions; all float64, so one look-up fetches a row.

    Args:
        rows: B.
        slots: N.
        window: W of ``Signals.recent``.

    Attributes:
        table: (B, N, F) float64, F = the single columns and then the window.
    """

    def __init__(self, rows: int, slots: int, *, window: int) -> None:
        self.table = np.zeros((rows, slots, len(_SINGLE) + window))  # (B, N, F) float64

    def write(self, rows: Places, slots: Places, signals: Signals) -> None:
        """Put M transitions in their places, (M,) each."""
        single = [getattr(signals, name)[:, None] for name in _SINGLE]
        self.table[rows, slots] = np.concatenate(
            [*single, signals.recent], axis=1, dtype=np.float64
        )

    def read(self, rows: Places, slots: Places) -> Signals:
        """Return M transitions."""
        found = self.table[rows, slots]  # (M, F)
        columns: dict[str, Any] = {name: found[:, i] for i, name in enumerate(_SINGLE)}
        for name in _FLAGS:
            columns[name] = columns[name] != 0.0
        return Signals(recent=found[:, len(_SINGLE) :], **columns)
