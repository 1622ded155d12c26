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

"""What is said of the other ends of a topic, and quality of service in rclpy's words."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from kibble.rewards.ros.qos import Qos

__all__ = ["matching_publishers", "publisher_mismatch", "qos_profile"]


def qos_profile(qos: Qos) -> QoSProfile:
    """Return a quality of service as rclpy takes it."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=(
            ReliabilityPolicy.RELIABLE if qos.reliable else ReliabilityPolicy.BEST_EFFORT
        ),
        durability=(
            DurabilityPolicy.TRANSIENT_LOCAL if qos.transient_local else DurabilityPolicy.VOLATILE
        ),
    )


def matching_publishers(node: Node, topic: str, type_name: str, qos: Qos) -> int:
    """Count the publishers that a subscription hears."""
    return sum(not text for text in _mismatches(node, topic, type_name, qos))


def publisher_mismatch(node: Node, topic: str, type_name: str, qos: Qos) -> str:
    """Say why a publisher of a topic is not heard, or "" if all are.

    Compared are type, hash of the type where this ROS tells it (Iron and later), reliability and
    durability.
    """
    return next(filter(None, _mismatches(node, topic, type_name, qos)), "")


def _mismatches(node: Node, topic: str, type_name: str, qos: Qos) -> list[str]:
    own_hash = _own_hash(node, node.get_subscriptions_info_by_topic(topic), type_name)
    return [
        _mismatch(info, topic, type_name, own_hash, qos)
        for info in node.get_publishers_info_by_topic(topic)
    ]


def _own_hash(node: Node, infos: Sequence[TopicEndpointInfo], type_name: str) -> str:
    for info in infos:
        own = (info.node_name, info.node_namespace) == (node.get_name(), node.get_namespace())
        if own and info.topic_type == type_name:
            return _hash(info)
    return ""


def _hash(info: TopicEndpointInfo) -> str:
    found = getattr(info, "topic_type_hash", None)  # Humble has none
    return "" if found is None or found.version <= 0 else str(found)


def _mismatch(info: TopicEndpointInfo, topic: str, type_name: str, own_hash: str, qos: Qos) -> str:
    who = f"{info.node_namespace.rstrip('/')}/{info.node_name} publishes {topic}"
    if info.topic_type != type_name:
        return f"{who} as {info.topic_type}, not {type_name}"
    if own_hash and _hash(info) and _hash(info) != own_hash:
        return f"{who} with another definition of {type_name}: {_hash(info)}, not {own_hash}"
    if qos.reliable and info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT:
        return f"{who} as best effort, where reliable is asked for"
    if qos.transient_local and info.qos_profile.durability == DurabilityPolicy.VOLATILE:
        return (
            f"{who} as volatile (nothing is kept for late-comers), where transient local is asked "
            "for"
        )
    return ""
