"""The simulated robot in real time, over a graph in memory."""

import time
from collections import defaultdict

import numpy as np
import pytest
from tests.memory_transport import MemoryGraph

from kibble.envs.robot_simulator import SimulatedRobot, Simulator, SimulatorSettings, topics
from kibble.envs.tabletop.env import TabletopEnv
from kibble.rewards.cameras.depth_frames import unpack_depth
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.clock import stamp_ns
from kibble.rewards.ros.images import decode
from kibble.rewards.ros.qos import COMMAND, LATCHED, SENSOR, STATE


class Listener:
    """A node that keeps what it hears and says what it is told to."""

    def __init__(self, graph):
        self.node = graph.open("listener")
        self.heard = defaultdict(list)
        self.publishers = {}

    def hear(self, topic, kind, qos=SENSOR):
        self.node.subscribe(topic, kind, self.heard[topic].append, qos=qos)

    def say(self, topic, kind, **fields):
        if topic not in self.publishers:
            self.publishers[topic] = self.node.advertise(topic, kind, qos=COMMAND)
        self.publishers[topic].publish(fields)

    def twist(self, x, y=0.0, z=0.0, frame="base"):
        linear = {"x": x, "y": y, "z": z}
        fields = {"header": {"frame_id": frame}, "twist": {"linear": linear}}
        self.say(topics.TWIST, "geometry_msgs/msg/TwistStamped", **fields)

    def newest(self, topic):
        return self.heard[topic][-1]

    def hand(self):
        return self.newest(topics.HAND_POSE).pose.position


def wait_for(condition, what, limit=30.0):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"{what} did not come to pass within {limit} s"
        time.sleep(0.005)


@pytest.fixture
def listener():
    return Listener(MemoryGraph())


@pytest.fixture
def simulate(listener):
    opened = []

    def start(task="reach", views=("front",), seed=3, **settings):
        env = TabletopEnv(task, views=views, image_size=(32, 48))
        simulator = Simulator(
            SimulatedRobot(env),
            listener.node.graph.open("robot"),
            settings=SimulatorSettings(**settings),
            seed=seed,
        )
        opened.append((simulator, env))
        return simulator

    yield start
    for simulator, env in opened:
        simulator.close()
        env.close()


def test_every_topic_is_published_with_stamps_that_grow(listener, simulate):
    kinds = {
        topics.JOINT_STATES: "sensor_msgs/msg/JointState",
        topics.HAND_POSE: "geometry_msgs/msg/PoseStamped",
        topics.object_topic("target"): "geometry_msgs/msg/PointStamped",
        topics.image_topic("front"): "sensor_msgs/msg/Image",
        topics.image_topic("front_depth"): "sensor_msgs/msg/Image",
        topics.camera_info_topic("front"): "sensor_msgs/msg/CameraInfo",
    }
    for topic, kind in kinds.items():
        listener.hear(topic, kind)
    listener.hear(topics.CLOCK, "rosgraph_msgs/msg/Clock")
    listener.hear(topics.OBSERVATION, "std_msgs/msg/Float64MultiArray")
    simulator = simulate(views=("front", "front_depth"))
    wait_for(lambda: all(len(listener.heard[topic]) > 3 for topic in kinds), "four of each")
    for topic in kinds:
        stamps = [stamp_ns(message) for message in listener.heard[topic]]
        assert stamps == sorted(set(stamps))
        assert abs(stamps[-1] - time.time_ns()) < 10e9
    frame = decode(listener.newest(topics.image_topic("front")), view="front")
    assert frame.shape == (32, 48, 3)
    assert frame.std() > 10
    packed = decode(listener.newest(topics.image_topic("front_depth")), view="front_depth")
    assert 0.2 < np.nanmedian(unpack_depth(packed)) < 3.0
    info = listener.newest(topics.camera_info_topic("front"))
    assert (info.width, info.height, info.k[2], info.k[5]) == (48, 32, 23.5, 15.5)
    assert listener.newest(topics.OBSERVATION).layout.dim[0].label.startswith("hand_x,hand_y")
    joints = listener.newest(topics.JOINT_STATES)
    assert joints.name[:3] == ["hand_x", "hand_y", "hand_z"]
    assert joints.name[8:13] == ["yaw", "shoulder", "elbow", "pitch", "roll"]
    assert len(joints.position) == len(joints.velocity) == 15
    assert simulator.report.pictures.ticks > 3


def test_a_late_listener_is_told_the_instruction_and_that_the_robot_is_ready(listener, simulate):
    simulator = simulate()
    wait_for(lambda: simulator.report.state.ticks > 0, "a tick")
    listener.hear(topics.INSTRUCTION, "std_msgs/msg/String", LATCHED)
    listener.hear(topics.READY, "std_msgs/msg/Bool", LATCHED)
    assert listener.newest(topics.INSTRUCTION).data == simulator.report.instruction
    assert listener.newest(topics.READY).data is True


def test_the_hand_follows_a_velocity_and_stops_when_commands_end(listener, simulate):
    listener.hear(topics.HAND_POSE, "geometry_msgs/msg/PoseStamped")
    simulate(command_timeout=0.15)
    wait_for(lambda: listener.heard[topics.HAND_POSE], "a pose")
    start = listener.hand().z

    def risen():
        listener.twist(0.0, 0.0, 0.2)
        return listener.hand().z > start + 0.04

    wait_for(risen, "a rise of the hand")

    def stands():
        poses = listener.heard[topics.HAND_POSE][-10:]
        return len({round(pose.pose.position.z, 4) for pose in poses}) == 1

    wait_for(stands, "standing still")


def test_an_emergency_stop_holds_the_robot_until_it_is_released(listener, simulate):
    listener.hear(topics.HAND_POSE, "geometry_msgs/msg/PoseStamped")
    simulator = simulate()
    wait_for(lambda: listener.heard[topics.HAND_POSE], "a pose")
    listener.say(topics.EMERGENCY_STOP, "std_msgs/msg/Bool", data=True)
    listener.say(topics.RESET, "std_msgs/msg/Empty")
    assert simulator.report.stopped
    start = len(listener.heard[topics.HAND_POSE])

    def pushed():
        listener.twist(0.3)
        return len(listener.heard[topics.HAND_POSE]) > start + 20

    wait_for(pushed, "twenty poses")
    held = [pose.pose.position.x for pose in listener.heard[topics.HAND_POSE][start:]]
    assert np.ptp(held) < 2e-3
    assert simulator.report.episode == 0
    listener.say(topics.EMERGENCY_STOP, "std_msgs/msg/Bool", data=False)
    wait_for(lambda: simulator.report.episode == 1, "the reset that was asked for")


def test_a_reset_sets_the_next_scene_and_says_when_it_is_ready(listener, simulate):
    listener.hear(topics.READY, "std_msgs/msg/Bool", STATE)
    listener.hear(topics.object_topic("target"), "geometry_msgs/msg/PointStamped")
    simulator = simulate()
    wait_for(lambda: listener.heard[topics.object_topic("target")], "a target")
    before = listener.newest(topics.object_topic("target")).point.x
    listener.say(topics.RESET, "std_msgs/msg/Empty")
    wait_for(lambda: simulator.report.episode == 1, "a reset")
    wait_for(lambda: listener.newest(topics.READY).data, "readiness")
    assert [message.data for message in listener.heard[topics.READY]][-2:] == [False, True]
    assert listener.newest(topics.object_topic("target")).point.x != before


def test_success_is_told_once_it_has_held(listener, simulate):
    kinds = {
        topics.HAND_POSE: "geometry_msgs/msg/PoseStamped",
        topics.object_topic("target"): "geometry_msgs/msg/PointStamped",
        topics.SUCCESS: "std_msgs/msg/Bool",
    }
    for topic, kind in kinds.items():
        listener.hear(topic, kind)
    simulator = simulate(speed=4.0)
    wait_for(lambda: all(listener.heard[topic] for topic in kinds), "poses")

    def reached():
        hand, goal = listener.hand(), listener.newest(topics.object_topic("target")).point
        way = np.array([goal.x - hand.x, goal.y - hand.y, goal.z - hand.z])
        listener.twist(*np.clip(3.0 * way, -0.4, 0.4))
        return listener.newest(topics.SUCCESS).data

    wait_for(reached, "success")
    assert simulator.report.successes == 1


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (lambda to: to.twist(0.1, frame="camera"), "frame 'base' or '', got 'camera'"),
        (lambda to: to.twist(float("nan")), "must be finite"),
        (
            lambda to: to.say(topics.GRIPPER, "std_msgs/msg/Float64", data=float("inf")),
            "gripper must be finite",
        ),
    ],
)
def test_commands_that_cannot_be_followed_are_said(listener, simulate, say, reason):
    simulator = simulate()
    say(listener)
    assert reason in simulator.report.refusal


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate", 0.0), ("state_rate", 500.0), ("command_timeout", 0.0), ("speed", float("nan"))],
)
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=rf"`{name}` must lie in"):
        SimulatorSettings(**{name: value})


def test_what_ends_a_thread_is_raised_by_the_report(listener, simulate):
    simulator = simulate()
    listener.node.graph.publishers[0].close()  # the robot's next message cannot be sent
    with pytest.raises(ConfigError, match="is closed"):
        wait_for(lambda: simulator.report is None, "an error")
