"""Nodes of one graph, over real DDS and, where there is one, over a real rclpy."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import pytest
from tests.ros_domain import free_domain

from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.transport import Transport

_NO_RCLPY = (
    importlib.util.find_spec("rclpy") is None or importlib.util.find_spec("kibble_ros") is None
)
_KINDS = [
    "dds",
    pytest.param(
        "rclpy",
        marks=[pytest.mark.ros, pytest.mark.skipif(_NO_RCLPY, reason="needs rclpy, kibble_ros")],
    ),
]


@pytest.fixture(params=_KINDS)
def join(request: pytest.FixtureRequest) -> Iterator[Callable[..., Transport]]:
    """Open nodes of one graph; they are closed at the end."""
    domain = free_domain()
    opened: list[Transport] = []

    def open_node(name: str, *, namespace: str = "", domain: int = domain) -> Transport:
        opened.append(open_transport(request.param, name, namespace=namespace, domain=domain))
        return opened[-1]

    yield open_node
    for transport in opened:
        transport.close()
