"""The environment and a small robot, each a participant of its own, in real time."""

from __future__ import annotations

import numpy as np
import pytest
from tests.envs.robot.small_robot import ROBOT, SmallRobot
from tests.ros_domain import free_domain, wait_until

pytest.importorskip("cyclonedds")
pytest.importorskip("rosbags")

from kibble.agents.ros.say import say
from kibble.agents.ros.say_config import SayConfig
from kibble.envs.robot import RobotEnv, SystemTime
from kibble.rewards.errors import RobotError
from kibble.rewards.ros.opening import open_transport


@pytest.fixture
def both(tmp_path):
    domain = free_domain()
    file = tmp_path / "robot.yaml"
    file.write_text(ROBOT)
    node = open_transport("dds", "small_robot", domain=domain)
    robot = SmallRobot(node, SystemTime())
    env = RobotEnv(file, domain=domain)
    yield robot, env, domain
    env.close()
    robot.close()
    node.close()


def test_episodes_end_by_success_by_a_human_and_by_the_emergency_stop(both, capsys):
    robot, env, domain = both
    obs, info = env.reset()
    assert info["instruction"] == "bring the hand to the ball"
    assert env.frames()["front"].shape == (1, 12, 16, 3)
    for _ in range(20):
        obs, reward, terminated, truncated, info = env.step(
            np.array([np.clip(obs[2] / 0.1, -1.0, 1.0), 0.0, 0.0], np.float32)
        )
        if terminated or truncated:
            break
    assert (reward, terminated, info["fault"]) == (1.0, True, "")
    wait_until(lambda: robot.velocity.tolist() == [0.0, 0.0])

    env.reset()
    say(SayConfig(word="failure", domain=domain))
    *_, truncated, info = env.step(np.zeros(3, np.float32))
    assert truncated
    assert info["outcome"] == "failure"
    assert "Said failure on /kibble/human" in capsys.readouterr().out

    env.reset()
    env.step(np.array([0.5, 0.0, 0.0], np.float32))
    say(SayConfig(word="stop", domain=domain, quiet=True))
    wait_until(lambda: robot.velocity.tolist() == [0.0, 0.0])
    *_, truncated, info = env.step(np.array([0.5, 0.0, 0.0], np.float32))
    assert truncated
    assert info["fault"] == "true on /emergency_stop"
    say(SayConfig(word="release", domain=domain, quiet=True))
    env.reset()
    env.step(np.array([0.5, 0.0, 0.0], np.float32))
    wait_until(lambda: robot.place[0] > 0.01)


def test_what_is_said_to_nobody_is_an_error_that_names_topic_and_domain():
    domain = free_domain()
    with pytest.raises(RobotError, match=rf"listen on /kibble/human .* nobody in domain {domain}"):
        say(SayConfig(word="ready", domain=domain, seconds=0.3))
