"""A node on the wire and a node of rclpy in one graph."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import LATCHED, SENSOR
from kibble.rewards.ros.transport import Transport

_NO_RCLPY = (
    importlib.util.find_spec("rclpy") is None or importlib.util.find_spec("kibble_ros") is None
)
pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(_NO_RCLPY, reason="needs rclpy, kibble_ros"),
]

_KINDS = [("dds", "rclpy"), ("rclpy", "dds")]


@pytest.fixture(params=_KINDS, ids=lambda kinds: "_to_".join(kinds))
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Transport, Transport]]:
    domain = free_domain()
    opened = [
        open_transport(kind, name, domain=domain)
        for kind, name in zip(request.param, ("one", "other"), strict=True)
    ]
    yield opened[0], opened[1]
    for transport in opened:
        transport.close()


def test_images_travel(pair: tuple[Transport, Transport]) -> None:
    one, other = pair
    received: list = []
    subscription = other.subscribe(
        "/camera/front/image_raw", "sensor_msgs/msg/Image", received.append, qos=SENSOR
    )
    publisher = one.advertise("/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR)
    wait_until(lambda: subscription.publishers == 1 and publisher.subscribers == 1)
    assert subscription.mismatch == ""
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    fields = {
        "header": {"stamp": {"sec": 3, "nanosec": 14}, "frame_id": "front"},
        "height": 480,
        "width": 640,
        "encoding": "rgb8",
        "step": 1920,
        "data": pixels.reshape(-1),
    }

    def sent_until_received() -> bool:  # best effort may lose some
        publisher.publish(fields)
        return bool(received)

    wait_until(sent_until_received)
    assert received[0].header.stamp.nanosec == 14
    assert np.array_equal(np.asarray(received[0].data).reshape(480, 640, 3), pixels)


def test_who_comes_late_gets_what_is_kept(pair: tuple[Transport, Transport]) -> None:
    one, other = pair
    one.advertise("/task/instruction", "std_msgs/msg/String", qos=LATCHED).publish(
        {"data": "open the drawer"}
    )
    received: list = []
    other.subscribe("/task/instruction", "std_msgs/msg/String", received.append, qos=LATCHED)
    wait_until(lambda: received)
    assert received[0].data == "open the drawer"


def test_services_are_called(pair: tuple[Transport, Transport]) -> None:
    one, other = pair
    other.serve(
        "~/start_episode",
        "kibble_msgs/srv/StartEpisode",
        lambda request: {"accepted": True, "episode": request.instruction},
    )
    answer = one.call(
        "/other/start_episode", "kibble_msgs/srv/StartEpisode", {"instruction": "push"}, timeout=20
    )
    assert answer.accepted
    assert answer.episode == "push"


def test_another_type_on_the_topic_is_said(pair: tuple[Transport, Transport]) -> None:
    one, other = pair
    subscription = other.subscribe("/image", "sensor_msgs/msg/Image", print, qos=SENSOR)
    one.advertise("/image", "sensor_msgs/msg/CompressedImage", qos=SENSOR)
    wait_until(lambda: subscription.mismatch)
    assert "sensor_msgs/msg/CompressedImage" in subscription.mismatch
    assert subscription.publishers == 0
