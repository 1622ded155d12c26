"""Opens a transport by name."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.ros.names import namespace_of, node_name_of

if TYPE_CHECKING:
    from kibble.rewards.ros.transport import Transport

__all__ = ["TRANSPORTS", "open_transport"]

TRANSPORTS = ("auto", "dds", "rclpy")
"""What `transport=` may be."""


def open_transport(
    kind: str, node_name: str, *, namespace: str = "", domain: int | None = None
) -> Transport:
    """Join a ROS 2 graph.

    Args:
        kind: "dds" (needs the extra ``ros``), "rclpy" (needs a ROS environment with kibble_ros),
            or "auto": rclpy where it is there, otherwise dds.
        node_name: The node's name.
        namespace: Its namespace, "" for none.
        domain: The domain's number, None for that of ``ROS_DOMAIN_ID``.

    Raises:
        ConfigError: If the kind, a name or the domain is not known.
        MissingDependencyError: If what the transport needs is not installed.
    """
    if kind not in TRANSPORTS:
        raise ConfigError(f"`transport` must be one of {', '.join(TRANSPORTS)}, got {kind!r}.")
    node_name_of(node_name)
    namespace_of(namespace)
    if kind == "auto":
        kind = "rclpy" if _is_there("rclpy") and _is_there("kibble_ros") else "dds"
    if kind == "rclpy":
        return _open_rclpy(node_name, namespace, domain)
    from kibble.rewards.ros.dds.packages import check_packages

    check_packages()
    from kibble.rewards.ros.dds.dds_transport import DdsTransport

    return DdsTransport(node_name, namespace=namespace, domain=domain)


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _open_rclpy(node_name: str, namespace: str, domain: int | None) -> Transport:
    try:
        from kibble_ros.rclpy_transport import open_rclpy
    except ImportError as error:
        raise MissingDependencyError(
            "`transport=rclpy` needs rclpy and the packages kibble_msgs and kibble_ros, got: "
            f"{error}. Source the workspace that they were built in (`source install/setup.bash`) "
            "or use `transport=dds`."
        ) from error
    transport: Transport = open_rclpy(node_name, namespace=namespace, domain=domain)
    return transport
