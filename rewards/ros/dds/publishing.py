"""A topic of ROS that is published on over DDS."""

from __future__ import annotations

import logging
import threading
from typing import Any, final

from cyclonedds.core import DDSException
from cyclonedds.pub import DataWriter

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.quality import dds_qos
from kibble.rewards.ros.dds.raw_types import raw_type
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Fields

__all__ = ["DdsPublisher"]

_logger = logging.getLogger(__name__)


@final
class DdsPublisher:
    """See :class:`kibble.rewards.ros.transport.Publisher`.

    Args:
        participant: The node.
        topic: Its absolute name.
        type_name: Its type, one that is known.
        qos: Reliability, depth and durability.
    """

    def __init__(self, participant: Participant, topic: str, *, type_name: str, qos: Qos) -> None:
        self._participant = participant
        self._topic = topic
        self._type_name = type_name
        self._types = message_types()
        self._sample = raw_type(type_name)
        self._lock = threading.Lock()
        self._closed = False
        self._writer: DataWriter[Any] = DataWriter(
            participant.entity,
            participant.topic(f"rt{topic}", self._sample),
            dds_qos(qos, type_hash=self._types.hash_of(type_name)),
        )
        participant.enter(writer=self._writer)

    @property
    def subscribers(self) -> int:
        """How many subscribers hear this now."""
        with self._lock:
            return 0 if self._closed else len(self._writer.get_matched_subscriptions())

    def publish(self, fields: Fields) -> None:
        """Send a message; once closed, nothing is sent.

        Raises:
            ConfigError: If a field is unknown or of the wrong type.
        """
        message = build(self._types, self._type_name, fields)
        self.publish_raw(self._types.encode(message, self._type_name))

    def publish_raw(self, raw: bytes) -> None:
        """Send a message that is CDR bytes already, with their header, as a bag holds them.

        Raises:
            ConfigError: If the bytes are too few for a message of this type, or not CDR.
        """
        with self._lock:
            if self._closed:
                return
            try:
                self._writer.write(self._sample(raw))
            except DDSException as error:
                if error.code == DDSException.DDS_RETCODE_BAD_PARAMETER:
                    raise ConfigError(
                        f"{self._topic}: {len(raw)} bytes are not a {self._type_name} in CDR; a "
                        "message that was cut short cannot be sent."
                    ) from error
                if error.code != DDSException.DDS_RETCODE_TIMEOUT:
                    raise
                _logger.warning(
                    "%s: a subscriber does not keep up; a message was not sent", self._topic
                )

    def close(self) -> None:
        """Stop publishing; doing so twice does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._participant.leave(writer=self._writer)
            del self._writer
