"""The simulated robot and the recorder as commands, over real DDS."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.ros.simulate import describe
from kibble.envs.robot_simulator import FAULT_TOPIC, SimulatorReport, topics
from kibble.envs.robot_simulator.pace import Punctuality
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.images import decode
from kibble.rewards.ros.qos import COMMAND, LATCHED, SENSOR, STATE

KIBBLE = [sys.executable, "-m", "kibble"]
REPORT = SimulatorReport(
    state=Punctuality(ticks=500, skipped=0, median=0.0002, p99=0.002),
    pictures=Punctuality(ticks=300, skipped=1, median=0.0002, p99=0.004),
    lost=0.0,
    episode=2,
    successes=1,
    success=False,
    progress=0.5,
    instruction="reach the red ball",
    commands=42,
    commanders=1,
    stopped=False,
    refusal="",
)


@pytest.fixture
def start():
    """Start commands that do not outlive the test."""
    begun = []

    def begin(*words):
        begun.append(_start(*words))
        return begun[-1]

    yield begin
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _start(*words):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MUJOCO_GL": "egl"}
    return subprocess.Popen(
        [*KIBBLE, "ros", *words], env=environment, stderr=subprocess.PIPE, text=True
    )


def end(process):
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return said


@pytest.fixture
def robot(start):
    """A simulated robot in its own process, and a node beside it."""
    domain = free_domain()
    process = start("simulate", f"domain={domain}", "image_size=[48,64]", "views=front")
    node = DdsTransport("person", domain=domain)
    yield domain, process, node
    node.close()


@pytest.mark.slow
def test_a_robot_in_another_process_is_driven_fails_and_is_recorded(robot, start, tmp_path):
    domain, process, node = robot
    images, poses, places, won, ready = [], [], [], [], []
    front = topics.image_topic("front")
    node.subscribe(front, "sensor_msgs/msg/Image", images.append, qos=SENSOR)
    node.subscribe(topics.HAND_POSE, "geometry_msgs/msg/PoseStamped", poses.append, qos=SENSOR)
    node.subscribe(
        topics.object_topic("target"), "geometry_msgs/msg/PointStamped", places.append, qos=SENSOR
    )
    node.subscribe(topics.SUCCESS, "std_msgs/msg/Bool", won.append, qos=STATE)
    node.subscribe(topics.READY, "std_msgs/msg/Bool", ready.append, qos=LATCHED)
    drive = node.advertise(topics.TWIST, "geometry_msgs/msg/TwistStamped", qos=COMMAND)
    fail = node.advertise(FAULT_TOPIC, "std_msgs/msg/String", qos=STATE)
    wait_until(lambda: images and poses and places and won and ready, limit=60.0)
    assert ready[-1].data is True
    assert decode(images[-1], view="front").shape == (48, 64, 3)

    bag = tmp_path / "run.mcap"
    recorder = start(
        "record", f"domain={domain}", f"output={bag}", "topics=[/camera/*,/hand_pose]"
    )

    def reached():
        hand, goal = poses[-1].pose.position, places[-1].point
        way = np.array([goal.x - hand.x, goal.y - hand.y, goal.z - hand.z])
        x, y, z = (float(v) for v in np.clip(5.0 * way, -0.4, 0.4))
        drive.publish({"twist": {"linear": {"x": x, "y": y, "z": z}}})
        return won[-1].data

    wait_until(reached, limit=60.0)
    camera = bag.with_name("run.mcap.part") / "run.mcap.part.mcap"
    wait_until(lambda: camera.exists() and camera.stat().st_size > 1_000_000, limit=60.0)
    fail.publish({"data": "front encoding nonsense8"})
    wait_until(lambda: images[-1].encoding == "nonsense8")
    assert "Recorded" in end(recorder)
    assert recorder.returncode == 0
    said = end(process)
    assert process.returncode == 0
    assert "1 successes in 1 episodes" in said
    with Bag(bag) as recorded:
        kinds = {topic.name for topic in recorded.topics if topic.count}
        assert {front, topics.HAND_POSE} <= kinds
        assert topics.JOINT_STATES not in kinds


def test_the_line_of_status_names_what_is_wrong():
    assert describe(REPORT) == (
        "300 pictures (late p99 4.0 ms, 1 skipped); 500 states (p99 2.0 ms, 0 skipped); "
        "42 commands of 1; 1 successes in 3 episodes; progress 0.50: reach the red ball"
    )


@pytest.mark.parametrize(
    ("command", "words", "rule"),
    [
        ("ros simulate", ["image_size=[96]"], "`image_size` must be height and width"),
        ("ros simulate", ["seed=-1"], "`seed` must be at least 0"),
        ("ros simulate", ["duration=0"], "`duration` must be above 0 s"),
        ("ros record", ["duration=-1"], "`duration` must be above 0 s"),
        ("ros record", ["topics=[]"], "`topics` must name topics"),
        ("ros record", ["memory_mb=0"], "`memory_mb` must be at least 1"),
    ],
)
def test_settings_are_checked_before_anything_starts(command, words, rule):
    with open_composer(COMMANDS[command]) as composer, pytest.raises(ConfigError, match=rule):
        composer.instantiate(words)


def test_a_recording_of_nothing_leaves_nothing_and_says_where_it_listened(start, tmp_path):
    bag = tmp_path / "run.mcap"
    words = ["record", f"domain={free_domain()}", f"output={bag}", "duration=1"]
    recorder = start(*words)
    _, said = recorder.communicate(timeout=60)
    assert recorder.returncode == 2
    assert "must hear something" in said
    assert "0 other participants" in said
    assert list(tmp_path.iterdir()) == []
