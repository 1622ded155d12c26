"""Hears what a reward node publishes, for a summary."""

from __future__ import annotations

import threading
from collections import deque
from typing import final

import numpy as np

from kibble.rewards.ros.qos import STATE
from kibble.rewards.ros.transport import Transport

__all__ = ["RewardEar"]

_RECENT = 20_000


@final
class RewardEar:
    """Counts a node's rewards within episodes, and how many were good.

    Args:
        transport: A node of the graph.
        topic: The rewards' topic.
    """

    def __init__(self, transport: Transport, topic: str) -> None:
        self._lock = threading.Lock()
        self._heard = self._count = self._ok = 0
        self._latencies: deque[float] = deque(maxlen=_RECENT)
        transport.subscribe(topic, "kibble_msgs/msg/Reward", self._take, qos=STATE)

    @property
    def heard(self) -> int:
        """How many rewards were heard, those between episodes included."""
        return self._heard

    def describe(self) -> str:
        """Return what was heard, in a sentence."""
        with self._lock:
            count, ok = self._count, self._ok
            latencies = np.array(self._latencies) if self._latencies else np.full(1, np.nan)
        middle, late = 1e3 * np.quantile(latencies, (0.5, 0.99))
        share = 100 * ok / max(count, 1)
        return (
            f"{count} rewards within episodes, {share:.1f} % with a status of OK; from image to "
            f"reward {middle:.0f} ms (median), {late:.0f} ms (99 %)"
        )

    def _take(self, message: object) -> None:
        state = message.episode_state  # type: ignore[attr-defined]  # a Reward
        with self._lock:
            self._heard += 1
            if state != message.EPISODE_RUNNING:  # type: ignore[attr-defined]
                return
            self._count += 1
            if message.status == message.STATUS_OK:  # type: ignore[attr-defined]  # a Reward
                self._ok += 1
                self._latencies.append(float(message.latency))  # type: ignore[attr-defined]
