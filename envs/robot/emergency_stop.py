"""An emergency stop's topic: true presses it, false releases it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import final

from kibble.envs.robot.description import StopDescription
from kibble.rewards.ros.qos import LATCHED, STATE
from kibble.rewards.ros.transport import Transport

__all__ = ["EmergencyStop"]

_BOOL = "std_msgs/msg/Bool"


@final
class EmergencyStop:
    """Hears an emergency stop, whether it was pressed before or while we listen.

    The last word on the topic counts, whoever says it: a second button needs a topic of its own.

    Args:
        transport: The node.
        described: The topic, and how often it has to speak.
        press: Called with its name when it is pressed, at once.
        release: Called with its name when it is released.
        now: The time, s.
    """

    def __init__(
        self,
        transport: Transport,
        described: StopDescription,
        *,
        press: Callable[[str], None],
        release: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._described, self._press, self._release, self._now = described, press, release, now
        self._lock = threading.Lock()
        self._heard = float("-inf")
        # One hears those who speak now, the other also what was said before; a publisher that
        # keeps nothing for late-comers does not reach the second.
        self._subscriptions = [
            transport.subscribe(described.topic, _BOOL, self._receive, qos=qos)
            for qos in (STATE, LATCHED)
        ]

    def silence(self, now: float) -> str:
        """Return why the robot may not move though the stop is not pressed, or ""."""
        if not self._described.heartbeat:
            return ""
        with self._lock:
            silent = now - self._heard > self._described.heartbeat
        seconds = self._described.heartbeat
        return f"{self._described.topic} has been silent for {seconds:g} s" if silent else ""

    @property
    def unheard(self) -> str:
        """Why somebody who presses it would not be heard, or ""."""
        return self._subscriptions[0].mismatch

    def close(self) -> None:
        """Listen no longer."""
        for subscription in self._subscriptions:
            subscription.close()

    def _receive(self, message: object) -> None:
        with self._lock:
            self._heard = self._now()
        pressed = bool(message.data)  # type: ignore[attr-defined]  # std_msgs/msg/Bool
        (self._press if pressed else self._release)(f"true on {self._described.topic}")
