"""Why a publisher of a topic is not heard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cyclonedds.core import Policy

from kibble.rewards.ros.dds.quality import user_data_of
from kibble.rewards.ros.dds.raw_types import dds_type_name
from kibble.rewards.ros.qos import Qos

__all__ = ["ros_type_name", "why_not_heard"]


def why_not_heard(peers: Iterable[Any], *, type_name: str, type_hash: str, qos: Qos) -> str:
    """Return why the first of a topic's publishers that is not heard is not, or "".

    Args:
        peers: What DDS knows of the publishers (``DcpsEndpoint`` of the cyclonedds package).
        type_name: The type that is listened for.
        type_hash: Its hash.
        qos: The quality of service that is asked for.
    """
    for peer in peers:
        reason = _reason(peer, type_name, type_hash, qos)
        if reason:
            return reason
    return ""


def _reason(peer: Any, type_name: str, type_hash: str, qos: Qos) -> str:
    if peer.type_name != dds_type_name(type_name):
        return (
            f"a publisher sends {ros_type_name(peer.type_name)}, not {type_name}; rename one of "
            "the two topics."
        )
    theirs = user_data_of(peer.qos).get("typehash") or type_hash
    if theirs != type_hash:
        return (
            f"a publisher's definition of {type_name} differs ({theirs}, here {type_hash}); build "
            "both against one version of the messages."
        )
    if qos.reliable and peer.qos[Policy.Reliability] == Policy.Reliability.BestEffort:
        return "a publisher is best effort and a reliable one is asked for; listen best effort."
    if qos.transient_local and peer.qos[Policy.Durability] == Policy.Durability.Volatile:
        return "a publisher is volatile and transient local is asked for; listen volatile."
    return ""


def ros_type_name(dds_name: str) -> str:
    """Return a type's name as ROS has it, or the name itself if it is none of ROS.

    >>> ros_type_name("sensor_msgs::msg::dds_::Image_")
    'sensor_msgs/msg/Image'
    """
    parts = dds_name.split("::")
    if len(parts) == 4 and parts[2] == "dds_":
        return f"{parts[0]}/{parts[1]}/{parts[3].removesuffix('_')}"
    return dds_name
