"""A fixed rate on a clock that never goes back, without catching up in bursts."""

from __future__ import annotations

from typing import final

__all__ = ["Schedule"]

_ROUNDING = 1e-6  # periods: who is late by one exactly has missed it


@final
class Schedule:
    """When the next of evenly spaced moments is due.

    Moments lie on a grid. Who is late by a period or more leaves out those that were missed.

    Args:
        rate: Hz, above 0.
        now: s of a clock that never goes back; the first moment is due one period later.

    Attributes:
        missed: Moments that were left out.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.missed = 0
        self._period = 1.0 / rate
        self._due = now + self._period

    def left(self, now: float) -> float:
        """Return the seconds until the next moment, 0 where it is due."""
        return max(0.0, self._due - now)

    def passed(self, now: float) -> None:
        """Take note that the moment that was due has been served."""
        late = max(0, int((now - self._due) / self._period + _ROUNDING))
        self.missed += late
        self._due += (late + 1) * self._period

    def change(self, rate: float, now: float) -> None:
        """Begin anew with another rate."""
        self._period = 1.0 / rate
        self._due = now + self._period
