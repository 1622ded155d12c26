"""Whether the task is done, by what a topic or the reward node says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import final

from kibble.envs.robot.description import SuccessDescription
from kibble.rewards.ros.qos import STATE
from kibble.rewards.ros.transport import Subscription, Transport
from kibble.rewards.types import Status

__all__ = ["SuccessJudge"]

_ROUNDING = 1e-6  # the message holds float32
_FRESH = 1.0  # s; what was said earlier no longer counts


@final
class SuccessJudge:
    """Listens to who says that the task is done, and asks that it be said for a while.

    Only what is said after :meth:`begin` counts. Of the reward node, messages of the episode that
    was running before do not count either, and one that is not OK breaks the row.

    Args:
        transport: The node.
        said: Who says it, how long, how surely.
        now: The time, s.
        announced: Whether the reward node is told of episodes, so that its own begin with ours.
    """

    def __init__(
        self,
        transport: Transport,
        said: SuccessDescription,
        *,
        now: Callable[[], float],
        announced: bool,
    ) -> None:
        self._said, self._now, self._announced = said, now, announced
        self._lock = threading.Lock()
        self._row = 0  # messages in a row that say so
        self._since = float("inf")
        self._heard = float("-inf")
        self._episode = self._over = ""
        self._subscription: Subscription | None = None
        if said.kind == "topic":
            self._subscription = transport.subscribe(
                said.topic, "std_msgs/msg/Bool", self._receive_bool, qos=STATE
            )
        elif said.kind == "reward":
            self._subscription = transport.subscribe(
                said.topic, "kibble_msgs/msg/Reward", self._receive_reward, qos=STATE
            )

    def begin(self) -> None:
        """Begin an episode: what was said before is forgotten."""
        with self._lock:
            self._row, self._since = 0, float("inf")
            self._over = self._episode

    def succeeded(self) -> bool:
        """Return whether the task is done."""
        now = self._now()
        with self._lock:
            fresh = now - self._heard <= _FRESH
            return (
                fresh
                and self._row >= self._said.messages
                and now - self._since >= self._said.dwell - 1e-9
            )

    def close(self) -> None:
        """Listen no longer."""
        if self._subscription is not None:
            self._subscription.close()

    def _receive_bool(self, message: object) -> None:
        with self._lock:
            self._count(bool(message.data))  # type: ignore[attr-defined]  # std_msgs/msg/Bool

    def _receive_reward(self, message: object) -> None:
        episode = str(message.episode)  # type: ignore[attr-defined]  # Reward
        status, success = int(message.status), float(message.success)  # type: ignore[attr-defined]  # Reward
        with self._lock:
            self._episode = episode
            if self._announced and episode == self._over:
                return
            # NaN compares false, so that an unknown success is none.
            self._count(status == Status.OK and success >= self._said.threshold - _ROUNDING)

    def _count(self, said: bool) -> None:
        self._heard = self._now()
        if not said:
            self._row, self._since = 0, float("inf")
            return
        self._row += 1
        self._since = min(self._since, self._heard)
