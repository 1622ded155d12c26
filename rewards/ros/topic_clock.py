"""The clock of a simulation or of a bag that is played back: the topic ``/clock``."""

from __future__ import annotations

import threading
from typing import final

from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Transport

__all__ = ["CLOCK", "TopicClock"]

CLOCK = Qos(reliable=False, depth=1)
"""ROS's quality of service for ``/clock``."""
_NS = 1_000_000_000


@final
class TopicClock:
    """Tells the newest time of ``/clock``, and 0 before the first, as ROS does.

    Args:
        transport: The node that listens; the clock ends with it or by :meth:`close`.
    """

    def __init__(self, transport: Transport) -> None:
        self._now = 0
        self._heard = threading.Event()
        self._subscription = transport.subscribe(
            "/clock", "rosgraph_msgs/msg/Clock", self._receive, qos=CLOCK
        )

    def now(self) -> int:
        """Return nanoseconds; jumps as ``/clock`` does."""
        return self._now

    def wait(self, timeout: float) -> bool:
        """Wait until there is a time.

        Args:
            timeout: s to wait at most.

        Returns:
            Whether there is one.
        """
        return self._heard.wait(timeout)

    def close(self) -> None:
        """Stop listening; the time stands still."""
        self._subscription.close()

    def _receive(self, message: object) -> None:
        clock = message.clock  # type: ignore[attr-defined]  # a rosgraph_msgs/msg/Clock
        self._now = int(clock.sec) * _NS + int(clock.nanosec)
        self._heard.set()
