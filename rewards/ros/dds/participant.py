"""A participant that other nodes of ROS see as a node with its topics."""

from __future__ import annotations

import threading
from typing import Any, final

import numpy as np
from cyclonedds.builtin import (
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import Entity
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.topic import Topic

from kibble.rewards.ros.dds.discovered import Discovered
from kibble.rewards.ros.dds.domain import acquire_domain, release_domain
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.quality import dds_qos, participant_qos
from kibble.rewards.ros.dds.raw_types import raw_type
from kibble.rewards.ros.qos import LATCHED

__all__ = ["Participant"]

_ENTITIES = "rmw_dds_common/msg/ParticipantEntitiesInfo"


@final
class Participant:
    """One node in one domain; what it opens is announced in ``ros_discovery_info``.

    Args:
        node_name: The node's name.
        namespace: Its namespace, with a slash in front.
        domain: The domain's number.

    Raises:
        ConfigError: If the domain cannot be entered.
    """

    def __init__(self, node_name: str, *, namespace: str, domain: int) -> None:
        self.domain = domain
        self._node_name = node_name
        self._namespace = namespace
        acquire_domain(domain)
        self.entity = DomainParticipant(domain, participant_qos())
        self._lock = threading.RLock()
        self._closed = False
        self._topics: dict[tuple[str, type[Any]], Topic[Any]] = {}
        self._readers: list[bytes] = []
        self._writers: list[bytes] = []
        self._participants = Discovered(self.entity, BuiltinTopicDcpsParticipant)
        self._publications = Discovered(self.entity, BuiltinTopicDcpsPublication)
        self._subscriptions = Discovered(self.entity, BuiltinTopicDcpsSubscription)
        qos = dds_qos(LATCHED, type_hash=message_types().hash_of(_ENTITIES))
        self._announcer = DataWriter(
            self.entity, self.topic("ros_discovery_info", raw_type(_ENTITIES)), qos
        )
        self._announce()

    def topic(self, name: str, sample: type[Any]) -> Topic[Any]:
        """Return a topic of DDS, for example ``rt/camera/image_raw``."""
        with self._lock:
            key = (name, sample)
            if key not in self._topics:
                self._topics[key] = Topic(self.entity, name, sample)
            return self._topics[key]

    def enter(self, *, reader: Entity | None = None, writer: Entity | None = None) -> None:
        """Announce a reader or a writer as this node's."""
        self._change("append", reader, writer)

    def leave(self, *, reader: Entity | None = None, writer: Entity | None = None) -> None:
        """Announce that a reader or a writer is gone."""
        self._change("remove", reader, writer)

    def publications(self, topic: str | None = None) -> list[Any]:
        """Return what is known of the writers on a topic of DDS, or on any, of any type."""
        return self._endpoints(self._publications, topic)

    def subscriptions(self, topic: str) -> list[Any]:
        """Return what is known of the readers on a topic of DDS, of any type."""
        return self._endpoints(self._subscriptions, topic)

    def peers(self) -> int:
        """Return how many other participants are seen in this domain."""
        with self._lock:
            if self._closed:
                return 0
            own = self.entity.guid
            seen = {found.key for found in self._participants.alive()}
        return len(seen - {own})

    def close(self) -> None:
        """Leave the domain."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._topics.clear()
            del self._announcer, self._participants, self._publications, self._subscriptions
            del self.entity
        release_domain(self.domain)

    def _endpoints(self, discovered: Discovered, topic: str | None) -> list[Any]:
        with self._lock:
            if self._closed:
                return []
            alive = discovered.alive()
        return [found for found in alive if topic in (None, found.topic_name)]

    def _change(self, change: str, reader: Entity | None, writer: Entity | None) -> None:
        with self._lock:
            if self._closed:
                return
            for entity, gids in ((reader, self._readers), (writer, self._writers)):
                if entity is not None:
                    getattr(gids, change)(entity.guid.bytes)
            self._announce()

    def _announce(self) -> None:
        node = {
            "node_namespace": self._namespace,
            "node_name": self._node_name,
            "reader_gid_seq": [_gid(gid) for gid in self._readers],
            "writer_gid_seq": [_gid(gid) for gid in self._writers],
        }
        fields = {"gid": _gid(self.entity.guid.bytes), "node_entities_info_seq": [node]}
        types = message_types()
        raw = types.encode(build(types, _ENTITIES, fields), _ENTITIES)
        self._announcer.write(raw_type(_ENTITIES)(raw))


def _gid(guid: bytes) -> dict[str, object]:
    length = message_types().store.fielddefs["rmw_dds_common/msg/Gid"][1][0][1][1][1]
    return {"data": np.frombuffer(guid.ljust(int(length), b"\0"), np.uint8)}
