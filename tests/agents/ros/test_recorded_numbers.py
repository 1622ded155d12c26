"""Numbers of a bag by topic and field, with the names that messages give them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.ros.bags.bag_making import at, two_views, write_bag

from kibble.agents.ros.recorded_numbers import default_actions, default_states, read_numbers
from kibble.rewards.errors import BagError, ConfigError
from kibble.rewards.ros.bags.bag import Bag

JOINTS = "sensor_msgs/msg/JointState"
TWIST = "geometry_msgs/msg/TwistStamped"
ARRAY = "std_msgs/msg/Float64MultiArray"


def joints(seconds, *position):
    names = ["hand", "grip", "wrist"][: len(position)]
    fields = {"name": names, "position": np.array(position), "velocity": np.zeros(len(position))}
    return "/joint_states", JOINTS, at(seconds), fields


def twist(seconds, *linear, angular=(0.0, 0.0, 0.0)):
    parts = {
        "linear": dict(zip("xyz", linear, strict=True)),
        "angular": dict(zip("xyz", angular, strict=True)),
    }
    return "/command/twist", TWIST, at(seconds), {"twist": parts}


def gripper(seconds, value):
    return "/command/gripper", "std_msgs/msg/Float64", at(seconds), {"data": value}


def array(seconds, *values, label=""):
    size = len(values)
    layout = {"dim": [{"label": label, "size": size, "stride": size}]} if label else {}
    fields = {"layout": layout, "data": np.array(values)}
    return "/command/action", ARRAY, at(seconds), fields


@pytest.fixture
def bag(tmp_path):
    messages = [
        joints(0.0, 1.0, -1.0),
        joints(0.2, 2.0, -2.0),
        twist(0.1, 0.1, 0.2, 0.3),
        twist(0.3, 0.4, 0.5, 0.6),
        gripper(0.1, 1.0),
        *two_views(1),
    ]
    with Bag(write_bag(tmp_path / "run", sorted(messages, key=lambda m: m[2]))) as opened:
        yield opened


def test_states_hold_from_message_to_message(bag):
    assert default_states(bag) == ("/joint_states.position",)
    numbers = read_numbers(bag, default_states(bag))
    assert numbers.names == ("hand", "grip")
    times = np.array([at(s) for s in (-1.0, 0.0, 0.19, 0.2, 5.0)])
    assert numbers.at(times)[:, 0].tolist() == [1.0, 1.0, 1.0, 2.0, 2.0]


def test_commands_are_zero_before_the_first(bag):
    assert default_actions(bag) == ("/command/gripper.data", "/command/twist.twist.linear")
    numbers = read_numbers(bag, ["/command/twist.twist.linear", "/command/gripper.data"])
    assert numbers.names == (
        "/command/twist.twist.linear.x",
        "/command/twist.twist.linear.y",
        "/command/twist.twist.linear.z",
        "/command/gripper.data",
    )
    found = numbers.commanded(np.array([at(0.0), at(0.2), at(0.3)]))
    np.testing.assert_allclose(found, [[0, 0, 0, 0], [0.1, 0.2, 0.3, 1], [0.4, 0.5, 0.6, 1]])


def test_angles_count_where_there_are_any(tmp_path):
    messages = [twist(0, 0.1, 0, 0, angular=(0, 0, 0.5)), *two_views(1)]
    with Bag(write_bag(tmp_path / "run", messages)) as bag:
        assert default_actions(bag) == (
            "/command/twist.twist.linear",
            "/command/twist.twist.angular",
        )
        (values,) = read_numbers(bag, ["/command/twist.twist"]).values
        np.testing.assert_allclose(values, [[0.1, 0, 0, 0, 0, 0.5]])


def test_labels_name_the_numbers_of_an_array(tmp_path):
    messages = [array(0, 1.0, 2.0, label="x,grip"), *two_views(1)]
    with Bag(write_bag(tmp_path / "run", messages)) as bag:
        assert read_numbers(bag, ["/command/action.data"]).names == ("x", "grip")
    with Bag(write_bag(tmp_path / "plain", [array(0, 1.0, 2.0)])) as bag:
        assert read_numbers(bag, ["/command/action.data"]).names == (
            "/command/action.data[0]",
            "/command/action.data[1]",
        )


def test_velocities_are_named_after_their_joints(bag):
    assert read_numbers(bag, ["/joint_states.velocity"]).names == (
        "hand.velocity",
        "grip.velocity",
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/joints.position", r"must name topics of .*got '/joints.position'; it has /camera"),
        ("/joint_states.angle", r"'angle' is none; there are header, name, position"),
        ("/joint_states.name", r"is a list; name a field with numbers"),
        ("/joint_states.header.frame_id", r"is a str; name a field with numbers"),
    ],
)
def test_what_is_not_there_is_named(bag, path, text):
    with pytest.raises(ConfigError, match=text):
        read_numbers(bag, [path])


def test_numbers_that_change_their_number_are_refused(tmp_path):
    messages = [joints(0.0, 1.0, 2.0), joints(0.1, 1.0, 2.0, 3.0)]
    with (
        Bag(write_bag(tmp_path / "run", messages)) as bag,
        pytest.raises(BagError, match="got hand, grip and then hand, grip, wrist"),
    ):
        read_numbers(bag, ["/joint_states.position"])
