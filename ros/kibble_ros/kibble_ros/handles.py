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

"""What a transport over rclpy hands out: subscriptions, publishers, services."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, final

from rclpy._rclpy_pybind11 import InvalidHandle, RCLError
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription

from kibble.rewards.ros.qos import Qos
from kibble.rewards.ros.transport import Fields
from kibble_ros.endpoints import matching_publishers, publisher_mismatch
from kibble_ros.message_fields import build_message

__all__ = ["RclpyPublisher", "RclpyService", "RclpySubscription"]

_SeenT = TypeVar("_SeenT")


@final
class RclpySubscription:
    """A topic that is listened to."""

    def __init__(self, node: Node, subscription: Subscription, type_name: str, qos: Qos) -> None:
        self._node = node
        self._subscription = subscription
        self._asked = (type_name, qos)
        self._closed = False

    @property
    def publishers(self) -> int:
        """How many publishers are heard."""
        return self._looked(matching_publishers, 0)

    @property
    def mismatch(self) -> str:
        """Why a publisher of the topic is not heard, or ""."""
        return self._looked(publisher_mismatch, "")

    def close(self) -> None:
        """Listen no longer."""
        self._closed = True
        self._node.destroy_subscription(self._subscription)

    def _looked(self, look: Callable[[Node, str, str, Qos], _SeenT], nothing: _SeenT) -> _SeenT:
        """Look at the graph; there is nothing once this is closed, or once ROS is shut down."""
        try:
            if not self._closed:
                return look(self._node, self._subscription.topic_name, *self._asked)
        except (InvalidHandle, RCLError):
            if self._node.context.ok() and not self._closed:
                raise
        return nothing


@final
class RclpyPublisher:
    """A topic that is published on."""

    def __init__(self, node: Node, publisher: Publisher) -> None:
        self._node = node
        self._publisher = publisher
        self._closed = False

    @property
    def subscribers(self) -> int:
        """How many subscribers hear this now."""
        return 0 if self._closed else int(self._publisher.get_subscription_count())

    def publish(self, fields: Fields) -> None:
        """Send a message; once closed, or once ROS is shut down, this does nothing."""
        message = build_message(self._publisher.msg_type, fields)
        try:
            self._publisher.publish(message)
        except (InvalidHandle, RCLError):
            if self._node.context.ok() and not self._closed:
                raise

    def close(self) -> None:
        """Publish no longer."""
        self._closed = True
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
