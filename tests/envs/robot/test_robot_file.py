from __future__ import annotations

import numpy as np
import pytest
from tests.envs.robot.small_robot import ROBOT

from kibble.envs.robot import read_robot, shipped_robots
from kibble.envs.robot.description import HomeStep, HumanStep, PolicyStep
from kibble.rewards.errors import ConfigError

pytest.importorskip("yaml")


@pytest.fixture
def read(tmp_path):
    def reading(*changes: tuple[str, str]):
        text = ROBOT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "arm.yaml").write_text(text)
        return read_robot(tmp_path / "arm.yaml")

    return reading


@pytest.mark.parametrize("name", shipped_robots())
def test_files_that_come_with_the_package_can_be_read(name):
    robot = read_robot(name)
    assert robot.cameras
    assert robot.entries
    assert robot.reset
    assert np.isfinite(robot.action.limits.low).any()


def test_what_is_left_out_has_its_default(read):
    robot = read(("steps: 20", ""), ("proprioception: 2", ""), ("patience: 3.0", ""))
    assert robot.steps == 0
    assert robot.proprioception == 3
    assert robot.patience == 60.0
    assert robot.late_after == pytest.approx(0.025)
    assert robot.action.limits.watchdog == pytest.approx(0.25)
    assert robot.action.limits.staleness == pytest.approx(0.3)
    assert robot.human == "/kibble/human"
    assert robot.teleop is not None
    assert robot.teleop.topic == "/teleop/twist"
    assert robot.action.axes[0].path == "pose.position.x"


def test_there_may_be_several_emergency_stops(read):
    robot = read(("teleop: {}", "emergency_stop: [{}, {topic: /estop_box, heartbeat: 0.5}]"))
    assert [(stop.topic, stop.heartbeat) for stop in robot.stops] == [
        ("/emergency_stop", 0.0),
        ("/estop_box", 0.5),
    ]
    assert [stop.topic for stop in read().stops] == ["/emergency_stop"]


def test_joints_have_bounds_and_their_places_are_found_by_name(read):
    robot = read(
        ("type: twist", "type: joint_velocity"),
        ("linear.x: {speed: 0.5, low: -0.2, high: 0.2}", "elbow: {speed: 1, low: -1, high: 2}"),
        ("linear.y: {speed: 0.5, low: -0.2, high: 0.2}", "wrist: {speed: 1, low: -3, high: 3}"),
    )
    assert [axis.path for axis in robot.action.axes] == ["position[elbow]", "position[wrist]"]
    assert robot.action.place_topic == "/joint_states"
    assert robot.action.type_name == "std_msgs/msg/Float64MultiArray"
    assert robot.action.limits.high.tolist() == [2.0, 3.0]


def test_reset_steps_are_read(read):
    robot = read(
        (
            "- {do: topic, seconds: 5.0}",
            "- {do: home, place: [0.1, 0.0], speed: 0.2}\n"
            "  - {do: human, say: put the cube back}\n"
            "  - {do: policy, file: runs/back, steps: 40}",
        )
    )
    assert robot.reset == (
        HomeStep(place=(0.1, 0.0), speed=0.2, tolerance=0.01, seconds=20.0),
        HumanStep(say="put the cube back", seconds=0.0),
        PolicyStep(
            load="kibble.agents.reset_policy:load_reset_policy", file="runs/back", steps=40
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "control_dt: 0.1",
            "control_dt: 0",
            r"arm.yaml: `control_dt` must lie in \[0.005, 10\] s",
        ),
        ("control_dt: 0.1", "control_dt: soon", "`control_dt` must be a number of s, got 'soon'"),
        ("control_dt: 0.1", "control_dt: .nan", "`control_dt` must lie in"),
        (
            "control_dt: 0.1",
            "contrl_dt: 0.1",
            "unknown key 'contrl_dt'; did you mean 'control_dt'",
        ),
        ("steps: 20", "steps: 2.5", "`steps` must be a whole number, got 2.5"),
        ("{topic: /task/instruction}", "''", "`instruction` must be a mapping"),
        ("/task/instruction", "instruction", "`instruction.topic` must be a topic such as"),
        (
            "low: -1.0, high: 1.0}\n      hand_y",
            "low: 1.0, high: 1.0}\n      hand_y",
            r"`observations\[0\].entries.hand_x.high` must be greater than `low`, 1",
        ),
        ('"position[hand_x]"', '"position[hand_x"', "hand_x.path` must be a place in the message"),
        (
            "minus: hand_x",
            "minus: hand_z",
            "must subtract another entry from 'goal_x', got 'hand_z'",
        ),
        ("goal_x:", "hand_x:", "must name each entry once, got 'hand_x'"),
        ("type: twist", "type: twists", "`action.type` must be one of .*did you mean 'twist'"),
        ("linear.x:", "linear.w:", r"`action.axes.linear.w` must be one of linear.x, .* by name"),
        (
            "{speed: 0.5, low: -0.2, high: 0.2}\n    linear.y",
            "{speed: 0.5}\n    linear.y",
            r"`action.axes.linear.x.low` must be given, and `high` too",
        ),
        (
            "speed: 0.5, low: -0.2, high: 0.2}\n  gripper",
            "speed: 0, low: -0.2, high: 0.2}\n  gripper",
            r"`action.axes.linear.y.speed` must lie in",
        ),
        (
            "lag: 0.02",
            "watchdog: 0.1",
            "`action.watchdog` must be at least 1.5 times `control_dt`",
        ),
        (
            "from: topic",
            "from: oracle",
            "`success.from` must be one of topic, human, reward, none",
        ),
        ("dwell: 0.2", "threshold: 0.9", "`success` has an unknown key 'threshold'"),
        ("do: topic", "do: magic", r"`reset\[0\].do` must be one of topic, home, human, policy"),
        (
            "{do: topic, seconds: 5.0}",
            "{do: home, place: [0.5, 0]}",
            r"`reset\[0\].place` must lie in \[-0.2, 0.2\] on axis linear.x, got 0.5",
        ),
        (
            "{do: topic, seconds: 5.0}",
            "{do: home, place: [0.1]}",
            r"`reset\[0\].place` must be a list of 2 finite numbers",
        ),
        (
            "{do: topic, seconds: 5.0}",
            "{do: policy, file: x, steps: 3, load: nothing}",
            r"`reset\[0\].load` must be written module:function",
        ),
        (
            "/camera/front/image_raw}",
            "/camera/front/image_raw, transport: jpeg}",
            "`cameras.front.transport` must be one of raw, compressed",
        ),
        ("teleop: {}", "teleop: {topic: /a b}", "`teleop.topic` must be a topic"),
        (
            "teleop: {}",
            "emergency_stop: [{}, {heartbeat: 1}]",
            "`emergency_stop` must have a topic of its own for each button",
        ),
        ("teleop: {}", "teleop: 3", "`teleop` must be a mapping of names to values, got 3"),
        ("patience: 3.0", "patience: -1", "`patience` must lie in"),
        ("proprioception: 2", "proprioception: 9", "`proprioception` must lie in"),
    ],
)
def test_mistakes_are_named_with_file_and_key(read, old, new, text):
    with pytest.raises(ConfigError, match=text) as caught:
        read((old, new))
    assert "arm.yaml: " in str(caught.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"one of .*simulated_reach.*, got 'simulated_rech'"):
        read_robot("simulated_rech")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match="`file` must be a YAML file"):
        read_robot(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="the file must be a mapping of names to values"):
        read_robot(tmp_path / "list.yaml")
