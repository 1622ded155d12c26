"""This project's quality of service in the terms of DDS, with the user data that ROS expects."""

from __future__ import annotations

from cyclonedds.core import Policy, Qos
from cyclonedds.util import duration

from kibble.rewards.ros import qos as ros

__all__ = ["dds_qos", "participant_qos", "user_data_of"]

_UNLIMITED = -1
_BLOCKED_AT_MOST = duration(milliseconds=100)


def dds_qos(qos: ros.Qos, *, type_hash: str, extra: str = "") -> Qos:
    """Return the policies of a reader or writer.

    Args:
        qos: Reliability, depth, durability.
        type_hash: The type's hash, which peers compare.
        extra: User data to go in front, each entry as ``key=value;``.
    """
    history = Policy.History.KeepLast(qos.depth)
    reliability = (
        Policy.Reliability.Reliable(max_blocking_time=_BLOCKED_AT_MOST)
        if qos.reliable
        else Policy.Reliability.BestEffort
    )
    policies = [
        reliability,
        history,
        Policy.WriterDataLifecycle(autodispose=False),
        Policy.DataRepresentation(use_cdrv0_representation=True),
        Policy.Userdata(f"{extra}typehash={type_hash};".encode()),
    ]
    if qos.transient_local:
        policies += [
            Policy.Durability.TransientLocal,
            Policy.DurabilityService(
                cleanup_delay=0,
                history=history,
                max_samples=_UNLIMITED,
                max_instances=_UNLIMITED,
                max_samples_per_instance=_UNLIMITED,
            ),
        ]
    return Qos(*policies)


def participant_qos() -> Qos:
    """Return what marks a participant as one of ROS."""
    return Qos(Policy.Userdata(b"enclave=/;"))


def user_data_of(qos: Qos) -> dict[str, str]:
    """Return the entries of a peer's user data, for example ``{"typehash": "RIHS01_…"}``."""
    policy = qos[Policy.Userdata]
    if policy is None:
        return {}
    entries = (
        entry.partition("=") for entry in bytes(policy.data).decode("utf-8", "replace").split(";")
    )
    return {key: value for key, separator, value in entries if separator}
