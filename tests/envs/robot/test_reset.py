from __future__ import annotations

import numpy as np
import pytest
from tests.envs.robot.fake_time import FakeTime
from tests.envs.robot.small_robot import ROBOT, Workshop
from tests.memory_transport import MemoryGraph

from kibble.envs.robot import RobotEnv
from kibble.envs.robot.human_voice import READY
from kibble.rewards.errors import ConfigError, RobotError

pytest.importorskip("rosbags")
pytest.importorskip("yaml")

TOPIC = "- {do: topic, seconds: 5.0}"


def towards_the_corner(file: str, env: RobotEnv):
    """Make a policy, as a robot's file names it."""
    assert file == "runs/back"
    assert env.observation_names[0] == "hand_x"
    return lambda observation: np.array([0.5, 0.5, 1.0], np.float32)


@pytest.fixture
def make(tmp_path):
    made = []

    def making(*steps: str):
        made.append(Workshop(tmp_path, (TOPIC, "\n  ".join(f"- {step}" for step in steps))))
        return made[-1]

    yield making
    for shop in made:
        shop.env.close()


def test_a_topic_is_asked_until_it_answers(make):
    shop = make("{do: topic, seconds: 5.0}")
    shop.robot.silent.add("ready")
    shop.time.at(3.0, shop.robot.silent.clear)
    shop.env.reset()
    assert shop.robot.resets == 3  # at 0, 2 and 4 s


def test_a_topic_that_does_not_answer_is_an_error(make):
    shop = make("{do: topic, seconds: 5.0}")
    shop.robot.silent.add("ready")
    with pytest.raises(
        RobotError, match=r"/robot/reset must be done within 5 s, got: /robot/read"
    ):
        shop.env.reset()


def test_a_topic_that_nobody_answers_is_an_error_at_once_said(make):
    shop = make("{do: topic, ready: /robot/redy, seconds: 5.0}")
    with pytest.raises(RobotError, match="nobody publishes /robot/redy"):
        shop.env.reset()


def test_home_is_reached_within_the_limits_and_the_robot_stands_there(make):
    shop = make("{do: home, place: [0.1, -0.15], speed: 0.4}")
    shop.env.reset()
    assert np.abs(shop.robot.place - [0.1, -0.15]).max() <= 0.015
    assert np.abs(shop.robot.twists).max() <= 0.2 + 1e-9
    assert shop.robot.velocity.tolist() == [0.0, 0.0]


def test_a_home_that_is_not_reached_is_an_error_and_the_robot_is_held(make):
    shop = make("{do: home, place: [0.1, -0.15], speed: 0.01, seconds: 2.0}")
    with pytest.raises(RobotError, match=r"home place \[0.1, -0.15\] within 2 s, got: it is 0.1"):
        shop.env.reset()
    assert shop.robot.velocity.tolist() == [0.0, 0.0]


def test_on_the_way_home_the_emergency_stop_holds_and_the_way_begins_anew(make):
    shop = make("{do: home, place: [0.1, -0.15]}")
    shop.time.at(0.1, lambda: shop.robot.press(True))
    shop.time.at(0.2, lambda: stood.append(shop.robot.place.copy()))
    shop.time.at(1.0, lambda: stood.append(shop.robot.place.copy()))
    shop.time.at(1.1, lambda: shop.robot.press(False))
    stood: list[np.ndarray] = []
    shop.env.reset()
    assert stood[0].tolist() == stood[1].tolist()
    assert 0.0 < stood[0][0] < 0.1
    assert np.abs(shop.robot.place - [0.1, -0.15]).max() <= 0.015


def test_the_way_home_needs_no_eyes(make):
    shop = make("{do: home, place: [0.1, -0.15]}")
    shop.robot.silent.add("target")
    shop.time.at(2.0, shop.robot.silent.clear)
    shop.env.reset()
    assert shop.robot.place[0] == pytest.approx(0.1, abs=0.015)


def test_a_human_is_waited_for_and_only_what_they_say_then_counts(make, caplog):
    shop = make("{do: human, say: put the cube back}")
    shop.robot.say(READY)
    shop.time.at(7.0, lambda: shop.robot.say(READY))
    begun = shop.time.now()
    shop.time.sleep(0.01)
    shop.env.reset()
    assert shop.time.now() - begun >= 7.0
    assert "Please put the cube back, then say so" in caplog.text


def test_a_human_who_does_not_come_is_an_error_where_there_is_a_limit(make):
    shop = make("{do: human, say: put the cube back, seconds: 4.0}")
    with pytest.raises(RobotError, match=r"A human must put the cube .* within 4 s"):
        shop.env.reset()


def test_a_human_may_drive_during_the_reset(make):
    shop = make("{do: human}")
    shop.robot.drive(0.1, 0.5)
    shop.time.at(2.0, lambda: shop.robot.say(READY))
    shop.env.reset()
    assert shop.robot.place[0] > 0.04


def test_a_policy_resets_for_so_many_steps_within_the_box(make):
    shop = make(
        f"{{do: policy, load: '{__name__}:towards_the_corner', file: runs/back, steps: 9}}"
    )
    begun = shop.time.now()
    shop.env.reset()
    assert shop.time.now() - begun >= 0.9
    assert 0.15 < shop.robot.place[0] <= 0.2
    assert shop.robot.velocity.tolist() == [0.0, 0.0]
    assert shop.robot.gripper == 0.0


def test_a_policy_that_cannot_be_loaded_is_refused_when_the_environment_is_made(make):
    with pytest.raises(ConfigError, match=r"`load` of a reset policy .* 'nowhere:policy'"):
        make("{do: policy, load: 'nowhere:policy', file: x, steps: 9}")


def test_an_environment_that_cannot_be_made_leaves_nothing_open(tmp_path):
    file, graph, time = tmp_path / "robot.yaml", MemoryGraph(), FakeTime()
    file.write_text(ROBOT.replace(TOPIC, "- {do: policy, load: 'no:policy', file: x, steps: 9}"))
    with pytest.raises(ConfigError, match="`load` of a reset policy"):
        RobotEnv(file, transport=graph.open("kibble"), time=time)
    assert graph.subscriptions == []
    assert graph.publishers == []


def test_steps_come_one_after_another(make):
    shop = make("{do: topic}", "{do: home, place: [0.1, 0.0]}", "{do: human}")
    shop.time.at(4.0, lambda: shop.robot.say(READY))
    shop.env.reset()
    assert shop.robot.resets == 1
    assert shop.robot.place[0] == pytest.approx(0.1, abs=0.015)


def test_a_reset_that_waits_for_a_human_ends_when_the_robot_is_halted(make):
    shop = make("{do: human, say: put the cup back, seconds: 0}")
    begun = shop.time.now()
    shop.time.at(3.0, shop.env.halt)
    with pytest.raises(RobotError, match="held for good"):
        shop.env.reset()
    assert shop.time.now() < begun + 4.0
    with pytest.raises(RobotError, match="held for good"):
        shop.env.reset()


def test_a_robot_that_is_halted_ends_its_step_truncated(make):
    shop = make("{do: topic, seconds: 5.0}")
    shop.env.reset()
    shop.step(0.5)
    shop.env.halt()
    _, _, terminated, truncated, info = shop.step(0.5)
    assert (terminated, truncated, info["fault"]) == (False, True, "it is closed")
    np.testing.assert_array_equal(info["executed"][:2], 0.0)
