# Copyright 2026 Kibble contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The transport over rclpy; :mod:`kibble.rewards.ros.transport` says what it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar, final

import rclpy
from rclpy._rclpy_pybind11 import InvalidHandle, RCLError
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Fields, Receive
from kibble_ros.endpoints import matching_publishers, publisher_mismatch, qos_profile
from kibble_ros.message_fields import build_message, fill_message, find_type

__all__ = ["RclpyTransport", "open_rclpy", "spin"]

_LOGGER = logging.getLogger(__name__)

_PATIENCE = 2.0  # s that threads may take to end
_THREADS = 4  # images, services, parameters and transitions do not wait for one another


class _AnswerFailedError(Exception):
    """A service raised; it was logged, and its caller gets no answer."""


@final
class RclpySubscription:
    """A topic that is listened to."""

    def __init__(self, node: Node, subscription: Subscription, type_name: str, qos: Qos) -> None:
        self._node = node
        self._subscription = subscription
        self._asked = (type_name, qos)

    @property
    def publishers(self) -> int:
        """How many publishers are heard."""
        return matching_publishers(self._node, self._subscription.topic_name, *self._asked)

    @property
    def mismatch(self) -> str:
        """Why a publisher of the topic is not heard, or ""."""
        return publisher_mismatch(self._node, self._subscription.topic_name, *self._asked)

    def close(self) -> None:
        """Listen no longer."""
        self._node.destroy_subscription(self._subscription)


@final
class RclpyPublisher:
    """A topic that is published on."""

    def __init__(self, node: Node, publisher: Publisher) -> None:
        self._node = node
        self._publisher = publisher

    def publish(self, fields: Fields) -> None:
        """Send a message; once ROS is shut down this does nothing."""
        message = build_message(self._publisher.msg_type, fields)
        try:
            self._publisher.publish(message)
        except (InvalidHandle, RCLError):
            if self._node.context.ok():
                raise

    def close(self) -> None:
        """Publish no longer."""
        self._node.destroy_publisher(self._publisher)


@final
class RclpyService:
    """A service that is offered."""

    def __init__(self, node: Node, service: Service) -> None:
        self._node = node
        self._service = service

    def close(self) -> None:
        """Offer it no longer."""
        self._node.destroy_service(self._service)


_HandleT = TypeVar("_HandleT", RclpySubscription, RclpyPublisher, RclpyService)


@final
class RclpyTransport:
    """A node of rclpy as a transport.

    Args:
        node: Who spins it is the caller's business; every subscription and every service has a
            callback group of its own, so an executor with several threads runs them side by side.
        end: What ends the node when the transport is closed; nothing by default.
    """

    def __init__(self, node: Node, *, end: Callable[[], None] | None = None) -> None:
        self._node = node
        self._handles: list[RclpySubscription | RclpyPublisher | RclpyService] = []
        self._end = end
        self._lock = threading.Lock()

    @property
    def surroundings(self) -> str:
        """Where this node is and whom it sees."""
        others = len(self._node.get_node_names()) - 1
        domain = self._node.context.get_domain_id()
        return f"domain {domain}, {others} other node{'' if others == 1 else 's'}"

    def subscribe(
        self, topic: str, type_name: str, receive: Receive, *, qos: Qos
    ) -> RclpySubscription:
        """Listen to a topic."""
        subscription = self._node.create_subscription(
            find_type(type_name),
            _checked(topic),
            receive,
            qos_profile(qos),
            callback_group=MutuallyExclusiveCallbackGroup(),
        )
        return self._keep(RclpySubscription(self._node, subscription, type_name, qos))

    def advertise(self, topic: str, type_name: str, *, qos: Qos) -> RclpyPublisher:
        """Publish on a topic."""
        publisher = self._node.create_publisher(
            find_type(type_name), _checked(topic), qos_profile(qos)
        )
        return self._keep(RclpyPublisher(self._node, publisher))

    def serve(
        self, service: str, type_name: str, answer: Callable[[object], Fields]
    ) -> RclpyService:
        """Offer a service."""

        def respond(request: object, response: object) -> object:
            try:
                return fill_message(response, answer(request))
            except Exception as error:
                _LOGGER.exception("The service %s failed.", service)
                raise _AnswerFailedError(service) from error

        handle = self._node.create_service(
            find_type(type_name),
            _checked(service),
            respond,
            callback_group=MutuallyExclusiveCallbackGroup(),
        )
        return self._keep(RclpyService(self._node, handle))

    def close(self) -> None:
        """End all that was opened by this transport, and the node if it was made for it."""
        with self._lock:
            handles, self._handles = self._handles, []
            end, self._end = self._end, None
        for handle in handles:
            handle.close()
        if end is not None:
            end()

    def _keep(self, handle: _HandleT) -> _HandleT:
        with self._lock:
            self._handles.append(handle)
        return handle


def open_rclpy(
    node_name: str, *, namespace: str = "", domain: int | None = None
) -> RclpyTransport:
    """Join a ROS 2 graph with a node and threads of its own; closing the transport ends them.

    Args:
        node_name: Name of the node.
        namespace: Where its name lies, for example ``/left``; "" for the root.
        domain: ROS domain; ``None`` for that of ``ROS_DOMAIN_ID``.

    Raises:
        ConfigError: If ROS refuses the name, the namespace or the domain.
    """
    context = Context()
    try:
        rclpy.init(args=[], context=context, domain_id=domain)
        node = Node(node_name, namespace=namespace or None, context=context, cli_args=[])
    except (RCLError, RuntimeError, ValueError) as error:
        context.try_shutdown()
        raise ConfigError(
            f"ROS must accept the node {node_name!r} in namespace {namespace!r} and domain "
            f"{'ROS_DOMAIN_ID' if domain is None else domain}, got: {error}"
        ) from error
    executor = MultiThreadedExecutor(_THREADS, context=context)
    executor.add_node(node)
    thread = threading.Thread(
        target=spin, args=(executor,), name=f"rclpy {node_name}", daemon=True
    )
    thread.start()

    def end() -> None:
        context.try_shutdown()  # before the executor, whose shutdown does not wait for its threads
        if threading.current_thread() is not thread:
            thread.join(_PATIENCE)
        executor.shutdown(timeout_sec=_PATIENCE)
        node.destroy_node()

    return RclpyTransport(node, end=end)


def spin(executor: MultiThreadedExecutor) -> None:
    """Run callbacks until the executor or ROS is shut down; one that raises ends nothing."""
    while executor.context.ok():
        try:
            executor.spin()
        except ExternalShutdownException:
            return
        except _AnswerFailedError:
            continue
        except Exception:
            if executor.context.ok():
                _LOGGER.exception("A callback failed.")
        else:
            return


def _checked(name: str) -> str:
    if not name.startswith(("/", "~/")):
        raise ConfigError(
            f"A topic or service must begin with '/' or '~/', got {name!r}; a name that depends "
            "on the namespace would be another one for every node."
        )
    return name
