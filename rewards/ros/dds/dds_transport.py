"""A node in a ROS 2 graph without ROS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar, cast, final

from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.publishing import DdsPublisher
from kibble.rewards.ros.dds.services import DdsService, call_service
from kibble.rewards.ros.dds.subscribing import DdsSubscription
from kibble.rewards.ros.dds.topic_offers import TopicOffer, topic_offers
from kibble.rewards.ros.names import full_name, namespace_of, node_name_of
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.reach import domain_number, local_only
from kibble.rewards.ros.transport import Fields, Handle, Receive

__all__ = ["DdsTransport"]

_H = TypeVar("_H", bound=Handle)


@final
class DdsTransport:
    """See :class:`kibble.rewards.ros.transport.Transport`.

    Whether other machines are spoken to follows ROS's ``ROS_AUTOMATIC_DISCOVERY_RANGE`` and
    ``ROS_LOCALHOST_ONLY``.

    Args:
        node_name: The node's name, as ``ros2 node list`` shows it.
        namespace: Its namespace, "" for none.
        domain: The domain's number, None for that of ``ROS_DOMAIN_ID``.

    Raises:
        ConfigError: If a name or the domain is not one of ROS.
    """

    def __init__(self, node_name: str, *, namespace: str = "", domain: int | None = None) -> None:
        self._node_name = node_name_of(node_name)
        self._namespace = namespace_of(namespace)
        self._participant = Participant(
            self._node_name, namespace=self._namespace, domain=domain_number(domain)
        )
        self._where = " of this machine alone" if local_only() else ""
        self._lock = threading.Lock()
        self._opened: list[Handle] = []

    @property
    def surroundings(self) -> str:
        """Where this node is and whom it sees, for texts."""
        others = self.others
        seen = "1 other participant" if others == 1 else f"{others} other participants"
        return f"domain {self._participant.domain}{self._where}, {seen}"

    @property
    def others(self) -> int:
        """How many other participants are seen in the domain; a process may have several."""
        return self._participant.peers()

    def subscribe(
        self, topic: str, type_name: str, receive: Receive, *, qos: Qos
    ) -> DdsSubscription:
        """Listen to a topic; see the protocol."""
        return self._keep(
            DdsSubscription(
                self._participant,
                self._full(topic),
                type_name=message_types().check(type_name),
                receive=receive,
                qos=qos,
            )
        )

    def offers(self) -> list[TopicOffer]:
        """Return the topics that are published on in the domain now, by name."""
        return topic_offers(self._participant.publications())

    def subscribe_raw(
        self, topic: str, type_name: str, receive: Callable[[bytes], None], *, qos: Qos
    ) -> DdsSubscription:
        """Listen to a topic; ``receive`` takes CDR with its four bytes of header."""
        return self._keep(
            DdsSubscription(
                self._participant,
                self._full(topic),
                type_name=message_types().check(type_name),
                receive=cast("Receive", receive),
                qos=qos,
                raw=True,
            )
        )

    def advertise(self, topic: str, type_name: str, *, qos: Qos) -> DdsPublisher:
        """Publish on a topic; see the protocol."""
        return self._keep(
            DdsPublisher(
                self._participant,
                self._full(topic),
                type_name=message_types().check(type_name),
                qos=qos,
            )
        )

    def serve(
        self, service: str, type_name: str, answer: Callable[[object], Fields]
    ) -> DdsService:
        """Offer a service; see the protocol."""
        return self._keep(
            DdsService(self._participant, self._full(service), type_name=type_name, answer=answer)
        )

    def call(
        self, service: str, type_name: str, request: Fields, *, timeout: float = 5.0
    ) -> object:
        """Call a service of another node, or of this one.

        Args:
            service: Its name.
            type_name: Its type, for example ``std_srvs/srv/Trigger``.
            request: The request's fields.
            timeout: s to wait for the service and its answer together.

        Raises:
            ConfigError: If a name, the type or a field is wrong.
            ServiceAwayError: If there is no such service, or it does not answer in time.
        """
        return call_service(
            self._participant, self._full(service), type_name, request, timeout=timeout
        )

    def close(self) -> None:
        """Close all that was opened, and leave the graph; doing so twice does nothing."""
        with self._lock:
            opened, self._opened = self._opened, []
        for handle in reversed(opened):
            handle.close()
        self._participant.close()

    def _full(self, name: str) -> str:
        return full_name(name, node_name=self._node_name, namespace=self._namespace)

    def _keep(self, handle: _H) -> _H:
        with self._lock:
            self._opened.append(handle)
        return handle
