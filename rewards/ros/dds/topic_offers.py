"""The topics of a graph, and listening to them without knowing them beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from cyclonedds.core import Policy

from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.peers import ros_type_name
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Subscription

__all__ = ["RawSource", "TopicOffer", "topic_offers"]

_PREFIX = "rt/"
_DEPTH = 100  # messages that may wait; peers do not tell how many they keep


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOffer:
    """A topic that somebody publishes on.

    Args:
        topic: Its absolute name.
        type_name: Its type, for example ``sensor_msgs/msg/Image``.
        qos: The strictest that all its publishers offer.
        known: Whether the type is known here, so that it can be listened to.
    """

    topic: str
    type_name: str
    qos: Qos
    known: bool


class RawSource(Protocol):
    """A graph whose topics can be listened to as bytes."""

    def offers(self) -> list[TopicOffer]:
        """Return the topics that are published on now, by name."""
        ...

    def subscribe_raw(
        self, topic: str, type_name: str, receive: Callable[[bytes], None], *, qos: Qos
    ) -> Subscription:
        """Listen to a topic; ``receive`` takes CDR with its four bytes of header."""
        ...


def topic_offers(peers: Iterable[Any]) -> list[TopicOffer]:
    """Gather what DDS knows of publishers (``DcpsEndpoint``) by topic and type of ROS."""
    gathered: dict[tuple[str, str], list[Any]] = {}
    for peer in peers:
        name, kind = str(peer.topic_name), ros_type_name(peer.type_name)
        if name.startswith(_PREFIX) and kind.count("/") == 2:
            gathered.setdefault((name.removeprefix("rt"), kind), []).append(peer.qos)
    known = message_types().store.fielddefs
    return [
        TopicOffer(topic=topic, type_name=kind, qos=_shared(offered), known=kind in known)
        for (topic, kind), offered in sorted(gathered.items())
    ]


def _shared(offered: Iterable[Any]) -> Qos:
    best_effort, volatile = Policy.Reliability.BestEffort, Policy.Durability.Volatile
    policies = list(offered)
    return Qos(
        reliable=all(qos[Policy.Reliability] != best_effort for qos in policies),
        depth=_DEPTH,
        transient_local=all(qos[Policy.Durability] != volatile for qos in policies),
    )
