"""A fixed rate in real time, and how well it is kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import final

import numpy as np

__all__ = ["Pace", "Punctuality"]

_REMEMBERED = 3000  # ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """How well a rate was kept.

    Args:
        ticks: Ticks so far.
        skipped: Ticks that were left out because their time had passed before it was their turn.
        median: Half of the last ticks were no later than this, s.
        p99: 99 of 100 of the last ticks were no later than this, s.
    """

    ticks: int
    skipped: int
    median: float
    p99: float


@final
class Pace:
    """Waits for the ticks of a schedule that begins with the first and stands still.

    Lateness does not add up.

    A tick that comes more than a period late is not made up for: those after it that are past as
    well are skipped and counted, so there are no bursts.

    Args:
        rate: Ticks per s.
        stopped: Ends every wait when it is set.
    """

    def __init__(self, rate: float, *, stopped: threading.Event) -> None:
        self._period = 1.0 / rate
        self._stopped = stopped
        self._next: float | None = None
        self._ticks = 0
        self._skipped = 0
        self._lateness: deque[float] = deque(maxlen=_REMEMBERED)

    def wait(self) -> bool:
        """Wait for the next tick; return False, at once, when it is time to stop."""
        if self._next is None:
            self._next = time.monotonic()
        remaining = self._next - time.monotonic()
        if self._stopped.wait(max(remaining, 0.0)):
            return False
        late = max(time.monotonic() - self._next, 0.0)
        missed = int(late / self._period)
        self._lateness.append(late)
        self._ticks += 1
        self._skipped += missed
        self._next += (missed + 1) * self._period
        return True

    @property
    def punctuality(self) -> Punctuality:
        """How well the rate was kept so far; any thread may ask."""
        lateness = np.array(list(self._lateness) or [0.0])  # (N,) s
        median, p99 = np.percentile(lateness, [50, 99])
        return Punctuality(
            ticks=self._ticks, skipped=self._skipped, median=float(median), p99=float(p99)
        )
