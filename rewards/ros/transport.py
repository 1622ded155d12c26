"""What a transport does: the seam between ROS 2 and all that is plain Python.

There are two: DDS on the wire (:mod:`kibble.rewards.ros.dds`), which needs no ROS, and rclpy
(``kibble_ros.rclpy_transport`` of the colcon package). Both speak ROS's own names:
``sensor_msgs/msg/Image``, ``std_srvs/srv/Trigger``.

**Messages received** have the attributes of the ROS message (``message.header.stamp.sec``),
whatever class they are; arrays of numbers offer the buffer protocol, so
``np.asarray(message.data)`` copies nothing. They are read-only. **Messages sent** are mappings of
field names to numbers, strings, arrays, sequences and further mappings; fields that are left out
have ROS's default (0, "", empty).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from kibble.rewards.ros.qos import Qos

__all__ = ["Fields", "Handle", "Publisher", "Receive", "Subscription", "Transport"]

Fields: TypeAlias = Mapping[str, object]
"""A message to send: field name to value; see the module."""

Receive: TypeAlias = Callable[[object], None]
"""Takes a message on a thread of the transport; it must be quick and never raise."""


class Handle(Protocol):
    """Something that is there until it is closed."""

    def close(self) -> None:
        """End it; doing so twice does nothing."""
        ...


class Subscription(Handle, Protocol):
    """A topic that is listened to."""

    @property
    def publishers(self) -> int:
        """How many publishers are on the topic now, of the same type."""
        ...

    @property
    def mismatch(self) -> str:
        """Why a publisher of the topic is not listened to, or ""; see the transport."""
        ...


class Publisher(Handle, Protocol):
    """A topic that is published on."""

    @property
    def subscribers(self) -> int:
        """How many hear it now; what is sent before the first is there is heard by nobody."""
        ...

    def publish(self, fields: Fields) -> None:
        """Send a message.

        Args:
            fields: Field name to value.

        Raises:
            ConfigError: If a field is unknown or of the wrong type; the text names it.
        """
        ...


class Transport(Handle, Protocol):
    """A node in a ROS 2 graph; closing it closes all that was opened by it.

    Threads may share it. Topics and services are absolute (``/camera/image_raw``) or private
    (``~/reward``), which then lie below the node's name.
    """

    @property
    def surroundings(self) -> str:
        """Where this node is and whom it sees, for texts: ``domain 7, 2 other participants``."""
        ...

    def subscribe(self, topic: str, type_name: str, receive: Receive, *, qos: Qos) -> Subscription:
        """Listen to a topic.

        Args:
            topic: Its name.
            type_name: Its type, for example ``sensor_msgs/msg/Image``.
            receive: Takes each message. Messages of one subscription come one after another.
            qos: Reliability, depth and durability.

        Raises:
            ConfigError: If the name or the type is not known.
        """
        ...

    def advertise(self, topic: str, type_name: str, *, qos: Qos) -> Publisher:
        """Publish on a topic; see :meth:`subscribe`."""
        ...

    def serve(self, service: str, type_name: str, answer: Callable[[object], Fields]) -> Handle:
        """Offer a service; ``answer`` makes a response of a request, one at a time.

        Args:
            service: Its name.
            type_name: Its type, for example ``std_srvs/srv/Trigger``.
            answer: Takes the request; what it raises is logged, and the caller gets no answer.
        """
        ...

    def call(
        self, service: str, type_name: str, request: Fields, *, timeout: float = 5.0
    ) -> object:
        """Call a service and wait for its answer; not from a thread of the transport.

        Args:
            service: Its name.
            type_name: Its type, for example ``std_srvs/srv/Trigger``.
            request: The request's fields.
            timeout: s to wait for the service and its answer together.

        Raises:
            ConfigError: If a name, the type or a field is wrong.
            ServiceAwayError: If there is no such service, or it does not answer in time.
        """
        ...
