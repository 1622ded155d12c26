"""Records the topics of a graph into a bag."""

from __future__ import annotations

import fnmatch
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import final

from rosbags.interfaces import (
    Connection,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.interfaces import Qos as BagQos

from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.dds.topic_offers import RawSource, TopicOffer
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Subscription

__all__ = ["Recorder", "RecordingReport"]

_SECONDS_BETWEEN_LOOKS = 0.5  # at which topics there are
_FOREVER = QosTime(2147483647, 4294967295)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReport:
    """What was recorded so far.

    Args:
        counts: Messages by topic, those without any included.
        size: Bytes of all messages.
        lost: Messages that were left out because the disk was too slow.
        unknown: Topics that are not recorded because their type is not known, with the type.
    """

    counts: Mapping[str, int]
    size: int
    lost: int
    unknown: Mapping[str, str]


@final
class Recorder:
    """Listens to topics as they appear, and writes what comes, byte for byte.

    Messages wait in memory until :meth:`poll` writes them; when more wait than the limit, newer
    ones are left out and counted.

    Args:
        source: The graph; closing it is the caller's.
        writer: The bag; closing it is the caller's.
        patterns: Which topics, with ``*`` and ``?`` as in a shell; ``*`` also stands for slashes.
        limit: Bytes that may wait.
        now: Tells the time that is written with each message, ns since the epoch.
    """

    def __init__(
        self,
        source: RawSource,
        writer: BagWriter,
        *,
        patterns: Sequence[str] = ("*",),
        limit: int = 256 * 2**20,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._source, self._writer = source, writer
        self._patterns, self._limit, self._now = tuple(patterns), limit, now
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._waiting: deque[tuple[Connection, int, bytes]] = deque()
        self._waiting_size = 0
        self._lost = 0
        self._size = 0
        self._counts: dict[str, int] = {}
        self._unknown: dict[str, str] = {}
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._next_look = float("-inf")

    def poll(self, timeout: float = 0.1) -> int:
        """Look for new topics now and then, wait for messages, and write them.

        Args:
            timeout: s to wait for the first message.

        Returns:
            How many were written.
        """
        if time.monotonic() >= self._next_look:
            self._look()
            self._next_look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        self._arrived.wait(timeout)
        return self._write()

    def close(self) -> None:
        """Stop listening, and write what came before; doing so twice does nothing."""
        subscriptions, self._subscriptions = self._subscriptions, {}
        for subscription in subscriptions.values():
            subscription.close()
        self._write()

    @property
    def report(self) -> RecordingReport:
        """What was recorded so far."""
        return RecordingReport(
            counts=dict(self._counts),
            size=self._size,
            lost=self._lost,
            unknown=dict(self._unknown),
        )

    def __enter__(self) -> Recorder:
        """Return the recorder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _look(self) -> None:
        for offer in self._source.offers():
            key = offer.topic, offer.type_name
            if key in self._subscriptions or not self._is_wanted(offer.topic):
                continue
            if not offer.known:
                self._unknown[offer.topic] = offer.type_name
                continue
            self._subscriptions[key] = self._listen(offer)

    def _is_wanted(self, topic: str) -> bool:
        return any(fnmatch.fnmatchcase(topic, pattern) for pattern in self._patterns)

    def _listen(self, offer: TopicOffer) -> Subscription:
        connection = self._writer.add(offer.topic, offer.type_name, qos=[_bag_qos(offer.qos)])
        self._counts.setdefault(offer.topic, 0)

        def keep(raw: bytes) -> None:
            with self._lock:
                if self._waiting_size + len(raw) > self._limit:
                    self._lost += 1
                    return
                self._waiting.append((connection, self._now(), raw))
                self._waiting_size += len(raw)
            self._arrived.set()

        return self._source.subscribe_raw(offer.topic, offer.type_name, keep, qos=offer.qos)

    def _write(self) -> int:
        written = 0
        self._arrived.clear()
        while True:
            with self._lock:
                if not self._waiting:
                    return written
                connection, moment, raw = self._waiting.popleft()
                self._waiting_size -= len(raw)
            self._writer.write(connection, moment, raw)
            self._counts[connection.topic] += 1
            self._size += len(raw)
            written += 1


def _bag_qos(qos: Qos) -> BagQos:
    reliability, durability = QosReliability, QosDurability
    return BagQos(
        history=QosHistory.KEEP_LAST,
        depth=qos.depth,
        reliability=reliability.RELIABLE if qos.reliable else reliability.BEST_EFFORT,
        durability=durability.TRANSIENT_LOCAL if qos.transient_local else durability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )
