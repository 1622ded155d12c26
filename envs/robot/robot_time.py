"""The time that a robot's environment lives in; tests have one of their own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, final

from kibble.rewards.ros.transport import Handle

__all__ = ["RobotTime", "SystemTime"]

_LOG = logging.getLogger(__name__)


class RobotTime(Protocol):
    """A clock that never goes back, and what waits by it."""

    def now(self) -> float:
        """Return s since some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; not at all if 0 or less."""
        ...

    def every(self, period: float, act: Callable[[], None]) -> Handle:
        """Call something again and again, beside all else, until the handle is closed.

        Args:
            period: s between two calls.
            act: What is called; what it raises is logged, and it is called again.
        """
        ...


@final
class SystemTime:
    """The machine's monotonic clock and threads."""

    def now(self) -> float:
        """Return s since the machine's start or so."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; not at all if 0 or less."""
        if seconds > 0.0:
            time.sleep(seconds)

    def every(self, period: float, act: Callable[[], None]) -> Handle:
        """Call something on a thread of its own; see :meth:`RobotTime.every`."""
        return _Repeated(period, act)


@final
class _Repeated:
    """A thread that calls something until it is closed."""

    def __init__(self, period: float, act: Callable[[], None]) -> None:
        self._period, self._act = period, act
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kibble-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; doing so twice does nothing."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._period):
            try:
                self._act()
            except Exception:  # a watchdog that dies of one bad moment guards nothing
                _LOG.exception("The robot's watchdog failed; it goes on.")
