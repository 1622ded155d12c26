"""Numbers that a topic tells, the newest of each, and how old they are."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot.message_path import MessagePath
from kibble.envs.robot.stamp_order import StampOrder
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import SENSOR
from kibble.rewards.ros.transport import Transport

__all__ = ["TopicValues"]

_LOG = logging.getLogger(__name__)


@final
class TopicValues:
    """Listens to a topic and keeps the newest value of each path.

    Several publishers may share the topic, each with values of its own, as drivers of arm and
    gripper share ``/joint_states``. A value that is not finite is none.

    Args:
        transport: The node.
        topic: The topic.
        type_name: Its type.
        paths: Where the values are, K of them.
        now: The time, s.
        changed: Called with the (K,) values, NaN where there is none yet, after each message.
    """

    def __init__(
        self,
        transport: Transport,
        topic: str,
        *,
        type_name: str,
        paths: Sequence[str],
        now: Callable[[], float],
        changed: Callable[[NDArray[np.float64]], None] = lambda values: None,
    ) -> None:
        self.topic, self.type_name = topic, type_name
        self._paths = [MessagePath(path) for path in paths]
        self._now, self._changed = now, changed
        self._lock = threading.Lock()
        self._order = StampOrder()
        self._values = np.full(len(paths), np.nan)
        self._times = np.full(len(paths), -np.inf)
        self._messages = 0
        self._mistake = ""
        self._subscription = transport.subscribe(topic, type_name, self._receive, qos=SENSOR)

    def read(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (K,) values and (K,) times of arrival, s; NaN and -inf where there is none."""
        with self._lock:
            return self._values.copy(), self._times.copy()

    def is_silent(self, since: float) -> bool:
        """Return whether a value has not come since a time, s; asks nobody."""
        with self._lock:
            return bool((self._times < since).any())

    def silence(self, since: float) -> str:
        """Return why a value has not come since a time, s; "" if all have."""
        with self._lock:
            old = [p.text for p, t in zip(self._paths, self._times, strict=True) if t < since]
            messages, mistake = self._messages, self._mistake
        if not old:
            return ""
        if mistake:
            return f"{self.topic}: {mistake}"
        if self._subscription.mismatch:
            return self._subscription.mismatch
        if not self._subscription.publishers:
            return f"nobody publishes {self.topic} ({self.type_name})"
        if not messages:
            return f"nothing came on {self.topic}"
        return f"{self.topic} does not say {old[0]}"

    def close(self) -> None:
        """Listen no longer."""
        self._subscription.close()

    def _receive(self, message: object) -> None:
        now = self._now()
        with self._lock:
            if not self._order.is_new(message):
                return
            self._messages += 1
            for index, path in enumerate(self._paths):
                try:
                    value = path.read(message)
                except ConfigError as error:
                    if not self._mistake:
                        _LOG.error("%s: %s", self.topic, error)
                    self._mistake = str(error)
                    return
                if value is not None and np.isfinite(value):
                    self._values[index], self._times[index] = value, now
            values = self._values.copy()
        self._changed(values)
