"""A topic of ROS that is listened to over DDS."""

from __future__ import annotations

import logging
from typing import Any, final

from cyclonedds.sub import DataReader
from rosbags.serde import SerdeError

from kibble.rewards.ros.dds.listening import Listening
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.peers import why_not_heard
from kibble.rewards.ros.dds.quality import dds_qos, user_data_of
from kibble.rewards.ros.dds.raw_types import raw_type
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Receive

__all__ = ["DdsSubscription"]

_logger = logging.getLogger(__name__)


@final
class DdsSubscription:
    """See :class:`kibble.rewards.ros.transport.Subscription`.

    Args:
        participant: The node.
        topic: Its absolute name.
        type_name: Its type, one that is known.
        receive: Takes each message.
        qos: Reliability, depth and durability.
        raw: Whether ``receive`` takes the bytes of messages, as CDR with its header, undecoded.
    """

    def __init__(
        self,
        participant: Participant,
        topic: str,
        *,
        type_name: str,
        receive: Receive,
        qos: Qos,
        raw: bool = False,
    ) -> None:
        self._participant = participant
        self._topic = topic
        self._type_name = type_name
        self._receive = receive
        self._qos = qos
        self._raw = raw
        self._types = message_types()
        self._hash = self._types.hash_of(type_name)
        self._trusted: dict[int, bool] = {}  # handle of a writer to whether its hash is ours
        self._unreadable = ""
        self._closed = False
        self._reader: DataReader[Any] = DataReader(
            participant.entity,
            participant.topic(f"rt{topic}", raw_type(type_name)),
            dds_qos(qos, type_hash=self._hash),
        )
        participant.enter(reader=self._reader)
        self._listening = Listening(participant, self._reader, receive=self._take, name=topic)

    @property
    def publishers(self) -> int:
        """How many publishers are heard now."""
        if self._closed:
            return 0
        return sum(self._is_trusted(handle) for handle in self._reader.get_matched_publications())

    @property
    def mismatch(self) -> str:
        """Why a publisher of the topic is not heard: its type, definition, quality or bytes."""
        if self._closed:
            return ""
        reason = why_not_heard(
            self._participant.publications(f"rt{self._topic}"),
            type_name=self._type_name,
            type_hash=self._hash,
            qos=self._qos,
        )
        return f"{self._topic}: {reason}" if reason else self._unreadable

    def close(self) -> None:
        """Stop listening; doing so twice does nothing."""
        if self._closed:
            return
        self._closed = True
        self._listening.close()
        self._participant.leave(reader=self._reader)
        del self._reader

    def _is_trusted(self, handle: int) -> bool:
        trusted = self._trusted.get(handle)
        if trusted is None:
            peer = self._reader.get_matched_publication_data(handle)
            if peer is None:  # gone already; its last words were of the same type by name
                return True
            theirs = user_data_of(peer.qos).get("typehash") or self._hash  # Humble sends none
            trusted = self._trusted[handle] = theirs == self._hash
            if not trusted:
                _logger.warning(
                    "%s: a publisher's %s is defined otherwise (%s, ours %s) and is not heard",
                    self._topic,
                    self._type_name,
                    theirs,
                    self._hash,
                )
        return trusted

    def _take(self, sample: Any) -> None:
        if not self._is_trusted(sample.sample_info.publication_handle):
            return
        if self._raw:
            self._receive(sample.raw)
            return
        try:
            message = self._types.decode(sample.raw, self._type_name)
        except SerdeError as error:
            self._unreadable = (
                f"{self._topic}: {len(sample.raw)} bytes are not a {self._type_name}: {error}"
            )
            _logger.warning("%s", self._unreadable)
            return
        self._unreadable = ""
        self._receive(message)
