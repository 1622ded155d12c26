"""The node on a graph in memory, with its own threads and the machine's clock."""

from __future__ import annotations

import io
import itertools
import logging
import threading
import time

import numpy as np
import pytest
from PIL import Image
from tests.memory_transport import MemoryGraph
from tests.reward_models import CentroidModel
from tests.rewards.node.node_rig import parameters
from tests.ros_domain import wait_until

from kibble.rewards.keypoints.sketch import Sketch, SketchedView
from kibble.rewards.node.episode_commands import HUMAN_TOPIC
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.wiring import connect
from kibble.rewards.ros.clock import SystemClock, stamp_fields
from kibble.rewards.ros.images import encode
from kibble.rewards.ros.qos import SENSOR, STATE
from kibble.rewards.types import Status

COMMAND = "kibble_msgs/msg/EpisodeCommand"
SERVICES = "kibble_msgs/srv/"


class Robot:
    """What stands on the other side: a camera, and ears for all that the node says."""

    def __init__(self, model=None, **values: object) -> None:
        self.graph = MemoryGraph()
        self.robot, self.transport = self.graph.open("robot"), self.graph.open("kibble")
        self.rewards: list = []
        self.keypoints: list = []
        self.diagnostics: list = []
        for topic, kind, seen in (
            ("/kibble/reward", "kibble_msgs/msg/Reward", self.rewards),
            ("/kibble/keypoints", "kibble_msgs/msg/Keypoints", self.keypoints),
            ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", self.diagnostics),
        ):
            self.robot.subscribe(topic, kind, seen.append, qos=STATE)
        model = CentroidModel() if model is None else model
        self.node = RewardNode(parameters(**values), model, SystemClock(), run="run")
        self.wiring = connect(self.node, self.transport, name="/kibble")
        self.camera = self.robot.advertise(
            "/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR
        )
        self.brightness = itertools.cycle(np.linspace(0.0, 1.0, 10))
        self.closed = threading.Event()
        self._thread = threading.Thread(target=self._film, daemon=True)

    def __enter__(self) -> Robot:
        self.wiring.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self._thread.join()
        self.wiring.close()
        self.node.close()

    def call(self, service: str, kind: str, **fields: object):
        return self.robot.call(f"/kibble/{service}", SERVICES + kind, fields)

    def until(self, condition) -> None:
        """Wait for a message of which something holds."""
        wait_until(lambda: self.rewards and condition(self.rewards[-1]))

    def _film(self) -> None:
        while not self.closed.wait(0.02):
            frame = np.zeros((8, 32, 3), np.uint8)
            frame[:, int(31 * next(self.brightness))] = 255
            self.camera.publish(encode(frame, stamp=time.time_ns()))


def test_services_steer_episodes():
    with Robot(rate=20.0, instruction="") as robot:
        refused = robot.call("start_episode", "StartEpisode")
        assert (refused.accepted, refused.episode) == (False, "")
        assert "needs a task" in refused.message
        assert robot.call("set_task", "SetTask", instruction="move right").accepted
        assert robot.call("start_episode", "StartEpisode").episode == "run-0001"
        robot.until(lambda m: m.status == Status.OK and m.step >= 2)
        assert robot.rewards[-1].task == "move right"
        assert robot.call("end_episode", "EndEpisode", outcome=3).accepted
        robot.until(lambda m: m.episode_state == 2)
        assert robot.rewards[-1].outcome == 3
        assert not robot.call("end_episode", "EndEpisode", outcome=3).accepted
        assert robot.call("confirm_outcome", "ConfirmOutcome", success=True, by="ann").accepted
        robot.until(lambda m: m.outcome == 1)
        started = robot.call("start_episode", "StartEpisode", instruction="move left")
        assert started.episode == "run-0002"
        robot.until(lambda m: m.episode == "run-0002" and m.status == Status.OK)
        assert robot.rewards[-1].task == "move left"


def test_commands_do_what_services_do_and_a_human_confirms(caplog):
    with Robot(rate=20.0) as robot:
        command = robot.robot.advertise("/kibble/command", COMMAND, qos=STATE)
        human = robot.robot.advertise(HUMAN_TOPIC, COMMAND, qos=STATE)
        with caplog.at_level(logging.WARNING):
            command.publish({"command": 2})  # nothing to end
            human.publish({"command": 3, "outcome": 3})
        assert "A command was refused: No episode runs" in caplog.text
        assert "must have outcome 1 (success) or 2 (failure), got 3" in caplog.text
        command.publish({"command": 0, "instruction": "push"})
        command.publish({"command": 1})
        robot.until(lambda m: m.status == Status.OK)
        assert robot.rewards[-1].task == "push"
        human.publish({"command": 4})  # READY is for the robot
        human.publish({"command": 1, "instruction": "nothing that a human may say here"})
        human.publish({"command": 3, "outcome": 2, "by": "ann"})
        robot.until(lambda m: m.outcome == 2)
        assert robot.rewards[-1].episode == "run-0001"
        command.publish({"command": 1, "instruction": "pull"})
        robot.until(lambda m: m.episode == "run-0002")
        command.publish({"command": 2, "outcome": 1})
        robot.until(lambda m: m.outcome == 1)


def test_rewards_and_health_come_regularly_and_threads_end():
    before = threading.active_count()
    with Robot(rate=25.0, auto_start=True) as robot:
        robot.wiring.start()  # again: nothing happens
        wait_until(lambda: len(robot.rewards) >= 10 and len(robot.diagnostics) >= 2)
        said = {status.name: status for status in robot.diagnostics[-1].status}
        assert list(said) == ["/kibble: camera front", "/kibble: reward model", "/kibble: rewards"]
        assert said["/kibble: reward model"].message == "OK"
        assert robot.diagnostics[-1].header.stamp.sec > 0
        robot.wiring.stop()
        robot.wiring.stop()
        names = {thread.name for thread in threading.enumerate()}
        assert not names & {"kibble_read", "kibble_publish"}
        count = len(robot.rewards)
        robot.wiring.start()
        wait_until(lambda: len(robot.rewards) > count)
        assert robot.rewards[-1].episode == "run-0001"  # it went on where it was
        assert robot.wiring.fault is None
    assert threading.active_count() == before
    assert robot.graph.services == {}
    assert [m.step for m in robot.rewards] == list(range(len(robot.rewards)))


def test_a_rate_that_changes_counts_at_once():
    with Robot(rate=1.0) as robot:
        wait_until(lambda: robot.rewards)
        robot.node.change({"rate": 30.0})
        count = len(robot.rewards)
        wait_until(lambda: len(robot.rewards) > count + 10, limit=9.0)


def test_what_fails_is_diagnosed_at_once():
    with Robot(rate=20.0, auto_start=True, staleness=0.2) as robot:
        robot.until(lambda m: m.status == Status.OK)
        second = robot.robot.advertise(
            "/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR
        )
        robot.until(lambda m: m.status == Status.MISSING_VIEW)
        wait_until(lambda: robot.diagnostics and robot.diagnostics[-1].status[0].level == 2)
        assert "2 publishers" in robot.diagnostics[-1].status[0].message
        second.close()
        robot.until(lambda m: m.status == Status.OK)


class Pointing(CentroidModel):
    """Shows one keypoint, as keypoint rewards do."""

    def sketch(self, episode):
        pixels = np.full((4, 2), np.nan)
        pixels[0] = 8.0, 4.0
        view = SketchedView(
            size=(16, 16),
            pixels=pixels,
            state=np.zeros(4, np.int8),
            places=np.full((1, 2), np.nan),
            tops=np.full((1, 2), np.nan),
        )
        return Sketch(
            views={"front": view},
            waypoints=(),
            stage=1,
            distance=0.25,
            unit="m",
            potential=0.5,
            confidence=0.75,
        )


def test_keypoints_are_published_in_the_pixels_of_the_camera():
    with Robot(Pointing(), rate=20.0, auto_start=True) as robot:
        wait_until(lambda: robot.keypoints)
    message = robot.keypoints[0]
    assert (message.task, message.stage, message.distance) == ("move right", 1, 0.25)
    [keypoint] = message.keypoints
    assert (keypoint.role, keypoint.state, keypoint.confidence) == ("gripper", 0, 0.75)
    assert np.isnan(keypoint.position.x)
    [pixel] = keypoint.pixels
    assert (pixel.view, pixel.x, pixel.y) == ("front", 16.0, 2.0)  # of 32 x 8 pixels
    stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in robot.rewards}
    assert (message.header.stamp.sec, message.header.stamp.nanosec) in stamps


def test_compressed_images_are_read_too():
    values = {"cameras.front.transport": "compressed", "cameras.front.topic": "/jpeg"}
    with Robot(rate=20.0, auto_start=True, **values) as robot:
        camera = robot.robot.advertise("/jpeg", "sensor_msgs/msg/CompressedImage", qos=SENSOR)
        packed = io.BytesIO()
        Image.fromarray(np.full((8, 32, 3), 200, np.uint8)).save(packed, "JPEG")
        data = np.frombuffer(packed.getvalue(), np.uint8)

        def read() -> bool:
            header = {"stamp": stamp_fields(time.time_ns())}
            camera.publish({"header": header, "format": "rgb8; jpeg compressed", "data": data})
            return any(message.status == Status.OK for message in robot.rewards)

        wait_until(read)
        assert robot.rewards[-1].progress == pytest.approx(0.5, abs=0.01)


def test_a_thread_that_ends_by_an_error_is_there_to_be_seen(caplog):
    with Robot(rate=20.0) as robot, caplog.at_level(logging.CRITICAL):
        robot.wiring.on_reward = lambda message: [][1]
        wait_until(lambda: robot.wiring.fault is not None)
        assert isinstance(robot.wiring.fault, IndexError)


def test_a_topic_that_is_no_name_leaves_nothing_behind():
    graph = MemoryGraph()
    values = {"cameras.front.topic": "/camera", "cameras.front.transport": "compressed"}
    node = RewardNode(parameters(**values), CentroidModel(), SystemClock())
    transport = graph.open("kibble")
    transport.close()
    with pytest.raises(ValueError, match="closed"):
        connect(node, transport, name="/kibble")
    assert graph.publishers == graph.subscriptions == []
