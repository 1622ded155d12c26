"""The managed node in a process of its own, over a real rclpy."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.ros.clock import SystemClock, stamp_fields
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import SENSOR, STATE
from kibble.rewards.ros.transport import Transport
from kibble.rewards.types import Status

_NO_RCLPY = (
    importlib.util.find_spec("rclpy") is None or importlib.util.find_spec("kibble_ros") is None
)
pytestmark = [
    pytest.mark.ros,
    pytest.mark.skipif(_NO_RCLPY, reason="needs rclpy, kibble_ros"),
]

_PARAMETERS = """\
/**:
  ros__parameters:
    views: [front]
    reward: {reward}
    instruction: open the drawer
    auto_start: true
    rate: 20
    {more}
"""
_CONFIGURE, _CLEANUP, _ACTIVATE, _DEACTIVATE = range(1, 5)  # of lifecycle_msgs/msg/Transition
_UNCONFIGURED, _INACTIVE, _ACTIVE = range(1, 4)  # of lifecycle_msgs/msg/State
_INTEGER, _DOUBLE, _STRING = 2, 3, 4  # of rcl_interfaces/msg/ParameterType


class _Node:
    """The node's process, and one of rclpy beside it that asks."""

    def __init__(self, folder: Path, more: str, reward: str, path: Path | None) -> None:
        params = folder / "params.yaml"
        params.write_text(_PARAMETERS.format(more=more, reward=reward))
        domain = free_domain()
        self.log = folder / "log"
        environment = os.environ | {"ROS_DOMAIN_ID": str(domain), "ROS_LOG_DIR": str(folder)}
        if path is not None:
            environment["PYTHONPATH"] = f"{path}:{environment['PYTHONPATH']}"
        command = [sys.executable, "-m", "kibble_ros.reward_node", "--ros-args"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--params-file", str(params)], env=environment, stderr=log, stdout=log
            )
        self.asking = open_transport("rclpy", "asking", domain=domain)
        self.wire: Transport = open_transport("dds", "camera", domain=domain)

    def ask(self, service: str, kind: str, fields: dict):
        return self.asking.call(f"/reward_node/{service}", kind, fields, timeout=30.0)

    def change(self, transition: int) -> bool:
        fields = {"transition": {"id": transition}}
        return self.ask("change_state", "lifecycle_msgs/srv/ChangeState", fields).success

    @property
    def state(self) -> int:
        return self.ask("get_state", "lifecycle_msgs/srv/GetState", {}).current_state.id

    def set(self, name: str, value: dict) -> str:
        """Set a parameter; return why not, or ""."""
        fields = {"parameters": [{"name": name, "value": value}]}
        answer = self.ask("set_parameters", "rcl_interfaces/srv/SetParameters", fields)
        return "" if answer.results[0].successful else answer.results[0].reason

    def close(self) -> None:
        self.asking.close()
        self.wire.close()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20.0)
        finally:
            self.process.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., _Node]]:
    started: list[_Node] = []

    def start_node(
        more: str = "", *, reward: str = "time_counter?horizon=1000", path: Path | None = None
    ) -> _Node:
        started.append(_Node(tmp_path, more, reward, path))
        return started[-1]

    yield start_node
    for node in started:
        node.close()


def _camera(wire: Transport) -> Callable[[], None]:
    publisher = wire.advertise("/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR)
    pixels = np.zeros(48 * 64 * 3, np.uint8)

    def show() -> None:
        stamp = stamp_fields(SystemClock().now())
        size = {"height": 48, "width": 64, "step": 192, "encoding": "rgb8"}
        publisher.publish({"header": {"stamp": stamp, "frame_id": "eye"}, **size, "data": pixels})

    return show


def test_a_life(start: Callable[..., _Node]) -> None:
    node = start()
    rewards: list = []
    node.wire.subscribe("/reward_node/reward", "kibble_msgs/msg/Reward", rewards.append, qos=STATE)
    show = _camera(node.wire)

    def is_said(status: Status) -> Callable[[], bool]:
        def look() -> bool:
            show()
            return any(message.status == status for message in rewards)

        return look

    assert node.state == _UNCONFIGURED
    assert node.change(_CONFIGURE)
    assert node.state == _INACTIVE
    assert node.change(_ACTIVATE)
    wait_until(is_said(Status.OK))
    assert rewards[-1].task == "open the drawer"
    assert rewards[-1].header.frame_id == "eye"

    assert node.set("rate", {"type": _INTEGER, "integer_value": 10}) == ""
    assert "[0.1, 30] Hz" in node.set("rate", {"type": _DOUBLE, "double_value": 60.0})
    assert "clean the node up" in node.set("gamma", {"type": _DOUBLE, "double_value": 0.5})
    raw = node.set("cameras.front.transport", {"type": _STRING, "string_value": "row"})
    assert "raw, compressed" in raw

    fields = {"instruction": "close the drawer"}
    episode = node.ask("start_episode", "kibble_msgs/srv/StartEpisode", fields)
    assert episode.accepted
    wait_until(lambda: show() or rewards[-1].episode == episode.episode)
    wait_until(lambda: rewards[-1].task == "close the drawer")

    assert node.change(_DEACTIVATE)
    assert not node.ask("start_episode", "kibble_msgs/srv/StartEpisode", {}).accepted
    assert node.change(_ACTIVATE)
    count = len(rewards)
    wait_until(lambda: len(rewards) > count)
    assert rewards[-1].episode == episode.episode  # it goes on

    assert node.change(_DEACTIVATE)
    assert node.change(_CLEANUP)
    assert node.set("gamma", {"type": _DOUBLE, "double_value": 0.5}) == ""
    assert node.change(_CONFIGURE)
    assert node.change(_ACTIVATE)
    count = len(rewards)
    wait_until(lambda: show() or len(rewards) > count + 3)
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(20.0) == 0, node.log.read_text()
    assert "Traceback" not in node.log.read_text()


def test_a_package_that_is_missing_is_said(start: Callable[..., _Node], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n")
    node = start(reward="grm_tiny", path=tmp_path)
    assert not node.change(_CONFIGURE)
    wait_until(lambda: "Python package 'torch' is missing" in node.log.read_text())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("cameras: {frnt: {topic: /image}}", ("cameras.frnt.topic", "front")),
        ("tolerance: 0.0", ("tolerance", "[0.0001, 10] s")),
        ("cameras: {front: {rate: 15.0}}", ("rate", "[0.1, 15] Hz")),
        ("gama: 0.9", ("gama", "gamma")),
        ("episode_limit: soon", ("episode_limit", "[0, 86400] s")),
    ],
)
def test_what_a_file_says_wrongly_is_said_when_configured(
    start: Callable[..., _Node], more: str, words: tuple[str, ...]
) -> None:
    node = start(more)
    assert not node.change(_CONFIGURE)
    assert node.state == _UNCONFIGURED
    wait_until(lambda: all(word in node.log.read_text() for word in words))
