"""What goes out for each kind of action, and what a human's commands become."""

from __future__ import annotations

import numpy as np
import pytest
from tests.envs.robot.fake_time import FakeTime
from tests.memory_transport import MemoryGraph

from kibble.envs.robot.command_gate import CommandGate
from kibble.envs.robot.command_publisher import CommandPublisher
from kibble.envs.robot.description import ActionDescription, Axis, Gripper, TeleopDescription
from kibble.envs.robot.motion_limits import MotionLimits
from kibble.envs.robot.teleoperation import Teleoperation
from kibble.rewards.ros.qos import COMMAND

pytest.importorskip("rosbags")


class _Clock:
    def now(self) -> int:
        return 5_000_000_001


def _action(kind: str, type_name: str, *names: str) -> ActionDescription:
    count = len(names)
    limits = MotionLimits(
        speed=np.ones(count),
        acceleration=np.full(count, np.inf),
        low=np.full(count, -0.5),
        high=np.full(count, 0.5),
        watchdog=1.0,
        staleness=1.0,
        lag=0.0,
    )
    return ActionDescription(
        kind=kind,
        topic="/command",
        type_name=type_name,
        frame="base",
        axes=tuple(Axis(name=name, path="x") for name in names),
        limits=limits,
        place_topic="/place",
        place_type="x",
        gripper=Gripper(topic="/grip", opened=0.08, closed=0.0),
        ahead=0.2,
    )


_TWIST = _action("twist", "geometry_msgs/msg/TwistStamped", "linear.x", "angular.z")
_JOINTS = _action("joint_velocity", "std_msgs/msg/Float64MultiArray", "elbow", "wrist")
_WAY = _action("joint_trajectory", "trajectory_msgs/msg/JointTrajectory", "elbow", "wrist")


def _sent(action: ActionDescription, velocity, place=(0.1, 0.45)):
    graph, seen = MemoryGraph(), []
    graph.open("robot").subscribe("/command", action.type_name, seen.append, qos=COMMAND)
    publisher = CommandPublisher(
        graph.open("kibble"), action, clock=_Clock(), place=lambda: np.array(place)
    )
    publisher.send(np.array(velocity))
    publisher.close()
    return seen


def test_a_twist_has_its_axes_frame_and_stamp():
    (message,) = _sent(_TWIST, [0.25, -0.5])
    assert (message.twist.linear.x, message.twist.linear.y) == (0.25, 0.0)
    assert message.twist.angular.z == -0.5
    assert message.header.frame_id == "base"
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (5, 1)


def test_a_twist_without_a_header_is_there_too():
    action = _action("twist", "geometry_msgs/msg/Twist", "linear.x", "angular.z")
    (message,) = _sent(action, [0.25, -0.5])
    assert (message.linear.x, message.angular.z) == (0.25, -0.5)


def test_joint_velocities_are_in_the_order_of_the_file():
    (message,) = _sent(_JOINTS, [0.25, -0.5])
    assert np.asarray(message.data).tolist() == [0.25, -0.5]


def test_a_trajectory_leads_to_where_the_velocity_would_within_the_box():
    (message,) = _sent(_WAY, [0.5, 0.5])
    (point,) = message.points
    assert list(message.joint_names) == ["elbow", "wrist"]
    assert np.asarray(point.positions).tolist() == pytest.approx([0.2, 0.5])
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (0, 200_000_000)


def test_a_trajectory_of_no_velocity_stays_where_the_robot_is():
    (message,) = _sent(_WAY, [0.0, 0.0], place=(0.1, 0.7))
    assert np.asarray(message.points[0].positions).tolist() == [0.1, 0.7]
    assert _sent(_WAY, [0.0, 0.0], place=(np.nan, 0.7)) == []


@pytest.mark.parametrize(("closing", "command"), [(-1.0, 0.08), (1.0, 0.0), (0.0, 0.04)])
def test_the_gripper_opens_and_closes_as_the_file_says(closing, command):
    graph, seen = MemoryGraph(), []
    graph.open("robot").subscribe("/grip", "std_msgs/msg/Float64", seen.append, qos=COMMAND)
    publisher = CommandPublisher(
        graph.open("kibble"), _TWIST, clock=_Clock(), place=lambda: np.zeros(2)
    )
    publisher.send_closing(closing)
    assert seen[0].data == pytest.approx(command)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        (_TWIST, {"twist": {"linear": {"x": 0.2}, "angular": {"z": -0.1}}}),
        (_JOINTS, {"data": [0.2, -0.1]}),
    ],
)
def test_a_humans_commands_become_velocities_within_the_limits(action, fields, caplog):
    graph, time, sent, gripped = MemoryGraph(), FakeTime(), [], []
    gate = CommandGate(
        action.limits,
        send=lambda velocity: sent.append(velocity.tolist()),
        send_closing=gripped.append,
        now=time.now,
    )
    gate.place(np.zeros(2))
    described = TeleopDescription(topic="/stick", type_name=action.type_name, gripper="/trigger")
    teleop = Teleoperation(graph.open("kibble"), described, action, gate)
    human = graph.open("human")
    human.advertise("/stick", action.type_name, qos=COMMAND).publish(fields)
    human.advertise("/trigger", "std_msgs/msg/Float64", qos=COMMAND).publish({"data": 0.02})
    assert sent == [[0.2, -0.1]]
    assert gripped == pytest.approx([0.5])
    wrong = {"data": [0.2]} if action is _JOINTS else {"twist": {"linear": {"x": np.inf}}}
    human.advertise("/stick", action.type_name, qos=COMMAND).publish(wrong)
    assert "/stick: `velocity` must be 2 finite numbers" in caplog.text
    assert sent[1:] == [[0.0, 0.0]]
    teleop.close()
    human.advertise("/stick", action.type_name, qos=COMMAND).publish(fields)
    assert sent[2:] == []
