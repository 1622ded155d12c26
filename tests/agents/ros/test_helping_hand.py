"""A helper who drives a robot's first episodes, over a graph in memory."""

import pytest
from tests.memory_transport import MemoryGraph
from tests.ros_domain import wait_until

from kibble.agents.ros.helping_hand import HelpingHand
from kibble.rewards.ros.qos import COMMAND, LATCHED, STATE


class Robot:
    """Says where its hand and the target are, and hears what it is told."""

    def __init__(self, graph):
        node = graph.open("robot")
        self.told = []
        node.subscribe(
            "/teleop/twist", "geometry_msgs/msg/TwistStamped", self.told.append, qos=COMMAND
        )
        self._ready = node.advertise("/robot/ready", "std_msgs/msg/Bool", qos=LATCHED)
        self._hand = node.advertise("/hand_pose", "geometry_msgs/msg/PoseStamped", qos=STATE)
        self._target = node.advertise(
            "/objects/target", "geometry_msgs/msg/PointStamped", qos=STATE
        )
        self._ready.publish({"data": True})

    def say_ready(self):
        self._ready.publish({"data": True})

    def begin_episode(self):
        self._ready.publish({"data": False})
        self.say_ready()

    def show(self, hand, target):
        self._hand.publish({"pose": {"position": dict(zip("xyz", hand, strict=True))}})
        self._target.publish({"point": dict(zip("xyz", target, strict=True))})


@pytest.fixture
def graph():
    return MemoryGraph()


def test_it_drives_the_first_episodes_towards_the_target_and_then_lets_go(graph):
    robot = Robot(graph)
    with HelpingHand(graph.open("helper"), episodes=2) as helper:
        robot.show((0.4, 0.0, 0.1), (0.41, 0.3, 0.1))
        robot.begin_episode()
        wait_until(lambda: robot.told)
        linear = robot.told[0].twist.linear
        assert linear.x == pytest.approx(0.06)
        assert linear.y == 0.4  # no faster
        assert linear.z == 0.0
        robot.begin_episode()
        robot.begin_episode()
        wait_until(lambda: not helper._thread.is_alive())


def test_an_episode_begins_where_the_robot_becomes_ready_again(graph):
    robot = Robot(graph)
    with HelpingHand(graph.open("helper"), episodes=9) as helper:
        robot.say_ready()
        assert helper._begun == 0  # it was ready all the time
        robot.begin_episode()
        robot.say_ready()
        assert helper._begun == 1
