"""A ROS 2 graph within one process: what is published is received at once, by the same thread.

    graph = MemoryGraph()
    node, robot = graph.open("kibble"), graph.open("robot")
    node.subscribe("/camera/front/image_raw", "sensor_msgs/msg/Image", seen.append, qos=SENSOR)
    robot.advertise("/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR).publish({...})
    answer = robot.call("/kibble/set_task", "kibble_msgs/srv/SetTask", {"instruction": "…"})

Types, quality of service and the depth of what late-comers get are those of a wire. Nothing is
ever lost, and time plays no part: a test with a clock of its own decides when things happen.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from tests.memory_messages import build, types

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Fields, Receive


class MemoryGraph:
    """What transports that were opened from it share: a domain."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.publishers: list[MemoryPublisher] = []
        self.subscriptions: list[MemorySubscription] = []
        self.services: dict[str, MemoryService] = {}

    def open(self, node_name: str, *, namespace: str = "") -> MemoryTransport:
        return MemoryTransport(self, f"{namespace.rstrip('/')}/{node_name}")


class MemoryTransport:
    """A node of a graph in memory; a :class:`kibble.rewards.ros.transport.Transport`."""

    def __init__(self, graph: MemoryGraph, full_name: str) -> None:
        self.graph = graph
        self.full_name = full_name
        self._handles: list[MemorySubscription | MemoryPublisher | MemoryService] = []
        self.closed = False

    @property
    def surroundings(self) -> str:
        return "a graph in memory"

    def subscribe(
        self, topic: str, type_name: str, receive: Receive, *, qos: Qos
    ) -> MemorySubscription:
        self._check(type_name)
        subscription = MemorySubscription(self.graph, self._full(topic), type_name, receive, qos)
        self._handles.append(subscription)
        with self.graph.lock:
            self.graph.subscriptions.append(subscription)
            held = [
                message
                for publisher in self.graph.publishers
                if publisher.reaches(subscription) and qos.transient_local
                for message in publisher.held
            ]
        for message in held:
            subscription.deliver(message)
        return subscription

    def advertise(self, topic: str, type_name: str, *, qos: Qos) -> MemoryPublisher:
        self._check(type_name)
        publisher = MemoryPublisher(self.graph, self._full(topic), type_name, qos)
        self._handles.append(publisher)
        with self.graph.lock:
            self.graph.publishers.append(publisher)
        return publisher

    def serve(
        self, service: str, type_name: str, answer: Callable[[object], Fields]
    ) -> MemoryService:
        self._check(f"{type_name}_Request")
        handle = MemoryService(self.graph, self._full(service), type_name, answer)
        self._handles.append(handle)
        with self.graph.lock:
            self.graph.services[handle.name] = handle
        return handle

    def call(self, service: str, type_name: str, fields: Fields | None = None):
        """Return a service's response, or raise what went wrong on its side."""
        name = self._full(service)
        with self.graph.lock:
            handle = self.graph.services.get(name)
        if handle is None or handle.type_name != type_name:
            raise ConfigError(f"No service {name!r} of type {type_name!r} is offered.")
        return handle.answer(build(f"{type_name}_Request", fields or {}))

    def close(self) -> None:
        self.closed = True
        for handle in self._handles:
            handle.close()

    def _check(self, type_name: str) -> None:
        if self.closed:
            raise ConfigError("The transport is closed.")
        if type_name not in types().types:
            raise ConfigError(f"`type_name` must be a known ROS type, got {type_name!r}.")

    def _full(self, topic: str) -> str:
        if topic.startswith("~/"):
            return f"{self.full_name}/{topic[2:]}"
        if not topic.startswith("/"):
            raise ConfigError(f"`topic` must begin with '/' or '~/', got {topic!r}.")
        return topic


class MemorySubscription:
    def __init__(
        self, graph: MemoryGraph, topic: str, type_name: str, receive: Receive, qos: Qos
    ) -> None:
        self.topic, self.type_name, self.qos = topic, type_name, qos
        self._graph, self._receive = graph, receive
        self._pending: deque[object] = deque()
        self._busy = False
        self._lock = threading.Lock()

    @property
    def publishers(self) -> int:
        with self._graph.lock:
            return sum(publisher.reaches(self) for publisher in self._graph.publishers)

    @property
    def mismatch(self) -> str:
        with self._graph.lock:
            others = [p for p in self._graph.publishers if p.topic == self.topic]
        for other in others:
            if other.type_name != self.type_name:
                return f"{self.topic} is published as {other.type_name}, not {self.type_name}"
            if not other.reaches(self):
                return f"{self.topic} is published with another quality of service: {other.qos}"
        return ""

    def deliver(self, message: object) -> None:
        """Hand a message on; who is inside already hands on what comes meanwhile, in order."""
        with self._lock:
            self._pending.append(message)
            if self._busy:
                return
            self._busy = True
        while True:
            with self._lock:
                if not self._pending:
                    self._busy = False
                    return
                message = self._pending.popleft()
            try:
                self._receive(message)
            except BaseException:
                with self._lock:
                    self._busy = False
                raise

    def close(self) -> None:
        with self._graph.lock:
            if self in self._graph.subscriptions:
                self._graph.subscriptions.remove(self)


class MemoryPublisher:
    def __init__(self, graph: MemoryGraph, topic: str, type_name: str, qos: Qos) -> None:
        self.topic, self.type_name, self.qos = topic, type_name, qos
        self.held: deque[object] = deque(maxlen=qos.depth if qos.transient_local else 0)
        self._graph = graph
        self.closed = False

    def reaches(self, subscription: MemorySubscription) -> bool:
        asked = subscription.qos
        return (
            (self.topic, self.type_name) == (subscription.topic, subscription.type_name)
            and self.qos.reliable >= asked.reliable
            and self.qos.transient_local >= asked.transient_local
        )

    @property
    def subscribers(self) -> int:
        with self._graph.lock:
            return sum(self.reaches(subscription) for subscription in self._graph.subscriptions)

    def publish(self, fields: Fields) -> None:
        if self.closed:
            raise ConfigError(f"The publisher of {self.topic} is closed.")
        message = build(self.type_name, fields)
        with self._graph.lock:
            self.held.append(message)
            targets = [s for s in self._graph.subscriptions if self.reaches(s)]
        for target in targets:
            target.deliver(message)

    def close(self) -> None:
        self.closed = True
        with self._graph.lock:
            if self in self._graph.publishers:
                self._graph.publishers.remove(self)


class MemoryService:
    def __init__(
        self, graph: MemoryGraph, name: str, type_name: str, answer: Callable[[object], Fields]
    ) -> None:
        self.name, self.type_name = name, type_name
        self._graph, self._answer = graph, answer
        self._lock = threading.Lock()

    def answer(self, request: object):
        with self._lock:
            return build(f"{self.type_name}_Response", self._answer(request))

    def close(self) -> None:
        with self._graph.lock:
            if self._graph.services.get(self.name) is self:
                del self._graph.services[self.name]
