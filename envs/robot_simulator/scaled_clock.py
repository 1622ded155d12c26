"""Time that begins now and runs at a speed of its own."""

from __future__ import annotations

import time
from typing import final

__all__ = ["ScaledClock"]


@final
class ScaledClock:
    """A clock that agrees with the machine's when it is made, and never jumps.

    Args:
        speed: Seconds of it per second.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._epoch = time.time_ns()
        self._began = time.monotonic_ns()

    def now(self) -> int:
        """Return ns since the epoch."""
        return self._epoch + round((time.monotonic_ns() - self._began) * self._speed)
