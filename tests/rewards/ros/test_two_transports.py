"""DDS on the wire and a real rclpy in one graph."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.ros.images import decode, encode
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import LATCHED, SENSOR, STATE
from kibble.rewards.ros.transport import Transport

pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("rclpy", "kibble_ros")),
        reason="needs rclpy, kibble_ros",
    ),
]


@pytest.fixture(params=[("dds", "rclpy"), ("rclpy", "dds")], ids="-to-".join)
def two(request: pytest.FixtureRequest) -> Iterator[tuple[Transport, Transport]]:
    """A speaker over one transport and a listener over the other."""
    domain = free_domain()
    with contextlib.ExitStack() as stack:
        transports = []
        for kind, name in zip(request.param, ("speaker", "listener"), strict=True):
            transports.append(open_transport(kind, name, domain=domain))
            stack.callback(transports[-1].close)
        yield transports[0], transports[1]


def test_images_cross(two: tuple[Transport, Transport]) -> None:
    speaker, listener = two
    received: list = []
    subscription = listener.subscribe(
        "/image", "sensor_msgs/msg/Image", received.append, qos=SENSOR
    )
    publisher = speaker.advertise("/image", "sensor_msgs/msg/Image", qos=SENSOR)
    wait_until(lambda: subscription.publishers == 1 and publisher.subscribers == 1)
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    publisher.publish(encode(frame, stamp=5_000_000_007, frame_id="front"))
    wait_until(lambda: received)
    message = received[0]
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (5, 7)
    assert np.array_equal(decode(message), frame)
    assert subscription.mismatch == ""


def test_our_own_messages_cross_and_latch(two: tuple[Transport, Transport]) -> None:
    speaker, listener = two
    publisher = speaker.advertise("~/reward", "kibble_msgs/msg/Reward", qos=LATCHED)
    publisher.publish({"task": "reach the ball", "progress": 0.5, "success": float("nan")})
    received: list = []
    listener.subscribe("/speaker/reward", "kibble_msgs/msg/Reward", received.append, qos=LATCHED)
    wait_until(lambda: received)
    assert (received[0].task, received[0].progress) == ("reach the ball", 0.5)
    assert np.isnan(received[0].success)


def test_services_are_called_across(two: tuple[Transport, Transport]) -> None:
    server, client = two
    server.serve(
        "~/set_task",
        "kibble_msgs/srv/SetTask",
        lambda request: {"accepted": True, "message": request.instruction},
    )
    for number in range(20):
        response = client.call(
            "/speaker/set_task",
            "kibble_msgs/srv/SetTask",
            {"instruction": f"task {number}"},
            timeout=20.0,
        )
        assert (response.accepted, response.message) == (True, f"task {number}")


def test_another_type_is_said_across(two: tuple[Transport, Transport]) -> None:
    speaker, listener = two
    subscription = listener.subscribe("/topic", "std_msgs/msg/String", lambda _: None, qos=STATE)
    speaker.advertise("/topic", "std_msgs/msg/Bool", qos=STATE)
    wait_until(lambda: "std_msgs/msg/Bool" in subscription.mismatch)
