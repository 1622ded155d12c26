"""The observation: numbers of several topics, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot.description import Source
from kibble.envs.robot.topic_values import TopicValues
from kibble.rewards.ros.transport import Transport

__all__ = ["Observer"]


@final
class Observer:
    """Listens to the topics of an observation of D entries.

    Args:
        transport: The node.
        sources: The topics and what is read of them.
        now: The time, s.
    """

    def __init__(
        self, transport: Transport, sources: Sequence[Source], *, now: Callable[[], float]
    ) -> None:
        entries = [entry for source in sources for entry in source.entries]
        names = [entry.name for entry in entries]
        self._sources = tuple(sources)
        self.low = np.array([entry.low for entry in entries], np.float32)  # (D,)
        self.high = np.array([entry.high for entry in entries], np.float32)  # (D,)
        self._minus = [(i, names.index(e.minus)) for i, e in enumerate(entries) if e.minus]
        self._topics = [
            TopicValues(
                transport,
                source.topic,
                type_name=source.type_name,
                paths=[entry.path for entry in source.entries],
                now=now,
            )
            for source in sources
        ]

    def read(self) -> NDArray[np.float32]:
        """Return the newest values, (D,) float32, cut to ``low`` and ``high``.

        A value that never came is NaN; see :meth:`silence`.
        """
        values = np.concatenate([topic.read()[0] for topic in self._topics])
        raw = values.copy()
        for index, other in self._minus:
            values[index] = raw[index] - raw[other]
        return np.clip(values.astype(np.float32), self.low, self.high)

    def lost(self, now: float) -> str:
        """Return what is older than it may be, or ""; quick, for those who hold a lock."""
        for source, topic in zip(self._sources, self._topics, strict=True):
            if source.staleness and topic.is_silent(now - source.staleness):
                return f"{source.topic} is silent"
        return ""

    def silence(self, now: float, *, since: float = -np.inf) -> str:
        """Return why the observation is not what it should be, or ""; asks the graph.

        Args:
            now: The time, s.
            since: Values that are older count as lost in any case, s.
        """
        for source, topic in zip(self._sources, self._topics, strict=True):
            oldest = now - source.staleness if source.staleness else np.finfo(np.float64).min
            why = topic.silence(max(oldest, since if source.staleness else oldest))
            if why:
                return why
        return ""

    def close(self) -> None:
        """Listen no longer."""
        for topic in self._topics:
            topic.close()
