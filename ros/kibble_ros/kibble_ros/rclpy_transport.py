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
import time
from collections.abc import Callable
from typing import TypeVar, cast, final

import rclpy
from rclpy._rclpy_pybind11 import InvalidHandle, RCLError
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.node import Node

from kibble.rewards.errors import ConfigError, ServiceAwayError
from kibble.rewards.ros.names import full_name
from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Fields, Receive
from kibble_ros.endpoints import qos_profile
from kibble_ros.handles import RclpyPublisher, RclpyService, RclpySubscription
from kibble_ros.message_fields import build_message, fill_message, find_type

__all__ = ["THREADS", "RclpyTransport", "open_rclpy", "spin"]

_LOGGER = logging.getLogger(__name__)

_PATIENCE = 2.0  # s that threads may take to end
THREADS = 4  # images, services, parameters and transitions do not wait for one another


class _AnswerFailedError(Exception):
    """A service raised; it was logged, and its caller gets no answer."""


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
        try:
            others = len(self._node.get_node_names()) - 1
            domain = self._node.context.get_domain_id()
        except (InvalidHandle, RCLError):
            return "not in a graph any more"
        return f"domain {domain}, {others} other node{'' if others == 1 else 's'}"

    def subscribe(
        self, topic: str, type_name: str, receive: Receive, *, qos: Qos
    ) -> RclpySubscription:
        """Listen to a topic."""
        subscription = self._node.create_subscription(
            find_type(type_name),
            self._checked(topic),
            receive,
            qos_profile(qos),
            callback_group=MutuallyExclusiveCallbackGroup(),
        )
        return self._keep(RclpySubscription(self._node, subscription, type_name, qos))

    def advertise(self, topic: str, type_name: str, *, qos: Qos) -> RclpyPublisher:
        """Publish on a topic."""
        publisher = self._node.create_publisher(
            find_type(type_name), self._checked(topic), qos_profile(qos)
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
            self._checked(service),
            respond,
            callback_group=MutuallyExclusiveCallbackGroup(),
        )
        return self._keep(RclpyService(self._node, handle))

    def call(
        self, service: str, type_name: str, request: Fields, *, timeout: float = 5.0
    ) -> object:
        """Call a service; not from a callback that the node's only thread runs.

        Args:
            service: Its name.
            type_name: Its type, for example ``std_srvs/srv/Trigger``.
            request: The request's fields.
            timeout: s to wait for the service and its answer together.

        Raises:
            ConfigError: If a name, the type or a field is wrong.
            ServiceAwayError: If there is no such service, or it does not answer in time.
        """
        until = time.monotonic() + timeout
        kind = find_type(type_name)
        message = build_message(kind.Request, request)  # type: ignore[attr-defined]  # of services
        client = self._node.create_client(
            kind, self._checked(service), callback_group=ReentrantCallbackGroup()
        )
        try:
            answered = threading.Event()
            if client.wait_for_service(timeout):
                future = client.call_async(message)
                future.add_done_callback(lambda _: answered.set())
                if answered.wait(max(0.0, until - time.monotonic())):
                    return cast("object", future.result())
        finally:
            self._node.destroy_client(client)
        raise ServiceAwayError(
            f"The service {service} must answer within {timeout:g} s, got no answer; it is not "
            f"there, or busy ({self.surroundings})."
        )

    def close(self) -> None:
        """End all that was opened by this transport, and the node if it was made for it."""
        with self._lock:
            handles, self._handles = self._handles, []
            end, self._end = self._end, None
        for handle in handles:
            handle.close()
        if end is not None:
            end()

    def _checked(self, name: str) -> str:
        node = self._node
        full_name(name, node_name=node.get_name(), namespace=node.get_namespace())
        return name  # not the full one: ROS may remap it

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
    executor = MultiThreadedExecutor(THREADS, context=context)
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
