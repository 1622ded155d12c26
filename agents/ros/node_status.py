"""How a reward node is doing, in one line."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import final

import numpy as np

from kibble.rewards.node.episodes import EpisodeState
from kibble.rewards.node.reward_message import RewardMessage
from kibble.rewards.types import Status

__all__ = ["NodeStatus"]

_RECENT = 1000  # latencies


@final
class NodeStatus:
    """Counts what a node publishes; one thread may feed it while another asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Status] = Counter()
        self._latencies: deque[float] = deque(maxlen=_RECENT)  # s, of messages that are OK
        self._last: RewardMessage | None = None
        self._began = time.monotonic()

    def take(self, message: RewardMessage) -> None:
        """Count a message."""
        with self._lock:
            if self._last is None:
                self._began = time.monotonic()
            else:
                self._counts[message.status] += 1
            self._last = message
            if message.status is Status.OK:
                self._latencies.append(message.latency)

    def line(self, *, missed: int = 0) -> str:
        """Return the line.

        Args:
            missed: Periods that were left out because the machine was late.
        """
        with self._lock:
            last, counts = self._last, Counter(self._counts)
            latencies = np.array(self._latencies)
        if last is None:
            return "nothing was published yet"
        total = counts.total()
        rate = total / max(time.monotonic() - self._began, 1e-9)
        shares = ", ".join(f"{s.name} {100 * n / total:.0f} %" for s, n in counts.most_common())
        parts = [f"{rate:.1f} Hz" + (f" ({shares})" if shares else "")]
        if len(latencies):
            middle, late = 1e3 * np.quantile(latencies, (0.5, 0.99))
            parts.append(f"latency {middle:.0f} ms (p99 {late:.0f})")
        if missed:
            parts.append(f"{missed} periods missed")
        parts.append(_episode(last))
        if last.status_text:
            parts.append(f"{last.status.name}: {last.status_text}")
        return "; ".join(parts)


def _episode(message: RewardMessage) -> str:
    if message.episode_state is EpisodeState.NONE:
        return "no episode yet"
    state = message.episode_state.name.lower()
    if message.episode_state is EpisodeState.ENDED:
        state = f"ended ({message.outcome.name.lower()})"
    return (
        f"episode {message.episode} {state}, step {message.step}, progress "
        f"{message.progress:.2f}, success {message.success:.2f}: {message.task}"
    )
