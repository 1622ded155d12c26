"""The node's clock, and what is odd about it: it was set back, or it stands still."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import final

from kibble.rewards.ros.clock import Clock, seconds

__all__ = ["NodeClock"]

_LOGGER = logging.getLogger(__name__)

_RECENT = 10.0  # s
_BACK = 100_000_000  # ns; less is how clocks are trimmed


@final
class NodeClock:
    """Watches a clock that may jump.

    Args:
        clock: The clock.
        monotonic: s that never go back, by which a standstill is noticed.

    Attributes:
        jumps: How often it was set back.
    """

    def __init__(self, clock: Clock, monotonic: Callable[[], float]) -> None:
        self.jumps = 0
        self._clock = clock
        self._monotonic = monotonic
        self._last = clock.now()
        self._moved = monotonic()
        self._jump = 0.0  # s, the last one back
        self._jumped = 0.0  # when, by the monotonic clock

    def now(self) -> tuple[int, float]:
        """Return ns, and the seconds that the clock jumped by since the last call, or 0.

        A jump is below 0 where the clock was set back, and above where time began: before its
        first message, ``/clock`` says 0.
        """
        now, last = self._clock.now(), self._last
        if now != last:
            self._last, self._moved = now, self._monotonic()
        if now >= last - _BACK:
            return now, 0.0 if last else seconds(now)
        self.jumps += 1
        self._jump, self._jumped = seconds(last - now), self._monotonic()
        _LOGGER.warning(
            "The clock was set back by %.1f s; images from then on are waited for.",
            self._jump,
        )
        return now, seconds(now - last)

    @property
    def set_back(self) -> float:
        """Seconds by which it was set back lately; 0 where it was not within ten seconds."""
        return self._jump if self._monotonic() - self._jumped < _RECENT else 0.0

    @property
    def standstill(self) -> float:
        """Seconds for which it has not moved, as far as it was asked."""
        return self._monotonic() - self._moved
