"""Transports by name."""

from __future__ import annotations

import importlib.util

import pytest
from tests.ros_domain import free_domain

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.opening import open_transport

_NO_RCLPY = importlib.util.find_spec("rclpy") is None


def test_a_kind_that_is_not_one_is_named() -> None:
    with pytest.raises(ConfigError, match=r"`transport` must be one of auto, dds, rclpy, got 'x'"):
        open_transport("x", "node")


@pytest.mark.skipif(not _NO_RCLPY, reason="rclpy is there")
def test_without_rclpy_auto_is_dds_and_rclpy_says_what_is_missing() -> None:
    transport = open_transport("auto", "node", domain=free_domain())
    transport.close()
    assert isinstance(transport, DdsTransport)
    with pytest.raises(MissingDependencyError, match=r"rclpy.*transport=dds"):
        open_transport("rclpy", "node")
