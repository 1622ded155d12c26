"""What a human says during a run: the scene is ready, the task succeeded, it failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeAlias, final

from kibble.rewards.ros.qos import STATE
from kibble.rewards.ros.transport import Transport

__all__ = [
    "CONFIRM",
    "END",
    "EPISODE_COMMAND",
    "FAILURE",
    "READY",
    "START",
    "SUCCESS",
    "TRUNCATED",
    "HumanVoice",
    "Verdict",
]

EPISODE_COMMAND = "kibble_msgs/msg/EpisodeCommand"
"""The message's type; its constants follow."""

START, END, CONFIRM, READY = 1, 2, 3, 4
SUCCESS, FAILURE, TRUNCATED = 1, 2, 3

Verdict: TypeAlias = Literal["", "success", "failure"]
_VERDICTS: dict[int, Verdict] = {SUCCESS: "success", FAILURE: "failure"}


@final
class HumanVoice:
    """Listens to a human; a command that arrives twice with the same stamp is one.

    Args:
        transport: The node.
        topic: Where they speak, ``kibble_msgs/msg/EpisodeCommand``.
        now: The time, s.
    """

    def __init__(self, transport: Transport, topic: str, *, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._ready = float("-inf")
        self._verdict: tuple[float, Verdict] = (float("-inf"), "")
        self._stamp: tuple[int, int] | None = None
        self._subscription = transport.subscribe(topic, EPISODE_COMMAND, self._receive, qos=STATE)

    def ready(self, since: float) -> bool:
        """Return whether READY was said at or after a time, s."""
        with self._lock:
            return self._ready >= since

    def verdict(self, since: float) -> Verdict:
        """Return how the task ended by what was said last at or after a time, s, or ""."""
        with self._lock:
            said, verdict = self._verdict
            return verdict if said >= since else ""

    def close(self) -> None:
        """Listen no longer."""
        self._subscription.close()

    def _receive(self, message: object) -> None:
        stamp = (int(message.stamp.sec), int(message.stamp.nanosec))  # type: ignore[attr-defined]  # EpisodeCommand
        command = int(message.command)  # type: ignore[attr-defined]  # EpisodeCommand
        outcome = int(message.outcome)  # type: ignore[attr-defined]  # EpisodeCommand
        with self._lock:
            if stamp == self._stamp and any(stamp):
                return
            self._stamp = stamp
            if command == READY:
                self._ready = self._now()
            elif command == CONFIRM and outcome in _VERDICTS:
                self._verdict = (self._now(), _VERDICTS[outcome])
