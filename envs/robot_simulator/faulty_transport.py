"""A transport whose topics can be made to fail, for rehearsals."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import final

from kibble.envs.robot_simulator.faults import FAULTS, Fault, make_fault
from kibble.envs.robot_simulator.topics import CLOCK, image_topic
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import STATE, Qos
from kibble.rewards.ros.transport import (
    Fields,
    Handle,
    Publisher,
    Receive,
    Subscription,
    Transport,
)

__all__ = ["FAULT_TOPIC", "FaultyTransport"]

logger = logging.getLogger(__name__)

FAULT_TOPIC = "/simulator/fault"
"""Where faults are asked for: ``std_msgs/msg/String`` such as ``front off`` and ``front ok``."""


@final
class FaultyTransport:
    """Passes everything on to another transport, but for the faults of some topics.

    Faults can be asked for on :data:`FAULT_TOPIC` too, in the words of :meth:`obey`.

    Args:
        transport: The other one; closing this one closes it.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._publishers: dict[str, _FaultyPublisher] = {}
        transport.subscribe(FAULT_TOPIC, "std_msgs/msg/String", self._take, qos=STATE)

    @property
    def surroundings(self) -> str:
        """Where the node is and whom it sees, for texts."""
        return self._transport.surroundings

    def subscribe(self, topic: str, type_name: str, receive: Receive, *, qos: Qos) -> Subscription:
        """Listen to a topic; see the protocol."""
        return self._transport.subscribe(topic, type_name, receive, qos=qos)

    def advertise(self, topic: str, type_name: str, *, qos: Qos) -> Publisher:
        """Publish on a topic; see the protocol."""
        publisher = _FaultyPublisher(lambda: self._transport.advertise(topic, type_name, qos=qos))
        with self._lock:
            self._publishers[topic] = publisher
        return publisher

    def serve(self, service: str, type_name: str, answer: Callable[[object], Fields]) -> Handle:
        """Offer a service; see the protocol."""
        return self._transport.serve(service, type_name, answer)

    def call(
        self, service: str, type_name: str, request: Fields, *, timeout: float = 5.0
    ) -> object:
        """Call a service; see the protocol."""
        return self._transport.call(service, type_name, request, timeout=timeout)

    def close(self) -> None:
        """Close the other transport."""
        self._transport.close()

    def inject(self, topic: str, fault: Fault) -> None:
        """Let a topic fail from now on, instead of how it failed before.

        Raises:
            ConfigError: If nobody publishes on the topic through this transport.
        """
        self._of(topic).fault = fault

    def second_publisher(self, topic: str) -> None:
        """Let a second publisher send the same on a topic."""
        self._of(topic).double()

    def clear(self, topic: str) -> None:
        """Let a topic fail no more."""
        self._of(topic).clear()

    def obey(self, words: str) -> None:
        """Do what a sentence asks for.

        Args:
            words: A view, a topic, ``clock`` or ``all``; then ``ok`` or one of ``FAULTS``; then
                its value where it takes one: ``front off``, ``/hand_pose back 2``, ``all ok``.

        Raises:
            ConfigError: If it is none of these.
        """
        parts = words.split()
        if not 2 <= len(parts) <= 3 or parts[1] not in ("ok", *FAULTS):
            raise ConfigError(
                f"A fault must be asked for as '<view> <fault>', with one of ok, "
                f"{', '.join(FAULTS)}, got {words!r}."
            )
        place, name, argument = (*parts, "")[:3]
        for topic in self._topics(place):
            if name == "ok":
                self.clear(topic)
            elif name == "second":
                self.second_publisher(topic)
            else:
                self.inject(topic, make_fault(name, argument))

    def _topics(self, place: str) -> list[str]:
        if place == "all":
            with self._lock:
                return list(self._publishers)
        if place == "clock":
            return [CLOCK]
        return [place if place.startswith("/") else image_topic(place)]

    def _of(self, topic: str) -> _FaultyPublisher:
        with self._lock:
            publisher = self._publishers.get(topic)
            if publisher is None:
                raise ConfigError(
                    f"A topic that is to fail must be published here, got {topic!r}; there are "
                    f"{', '.join(self._publishers)}."
                )
        return publisher

    def _take(self, message: object) -> None:
        words = str(message.data)  # type: ignore[attr-defined]  # a String
        try:
            self.obey(words)
        except ConfigError as error:
            logger.warning("A fault is not made: %s", error)
        else:
            logger.warning("A fault as asked for: %s", words)


@final
class _FaultyPublisher:
    def __init__(self, advertise: Callable[[], Publisher]) -> None:
        self._advertise = advertise
        self._publisher = advertise()
        self._second: Publisher | None = None
        self._lock = threading.Lock()
        self.fault: Fault | None = None

    @property
    def subscribers(self) -> int:
        return self._publisher.subscribers

    def publish(self, fields: Fields) -> None:
        fault = self.fault
        for one in (fields,) if fault is None else fault(fields):
            self._publisher.publish(one)
            with self._lock:
                if self._second is not None:
                    self._second.publish(one)

    def double(self) -> None:
        with self._lock:
            if self._second is None:
                self._second = self._advertise()

    def clear(self) -> None:
        self.fault = None
        with self._lock:
            if self._second is not None:
                self._second.close()
                self._second = None

    def close(self) -> None:
        self.clear()
        self._publisher.close()
