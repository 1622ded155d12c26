"""The shipped file and the simulated robot, over real DDS, in real time."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

pytest.importorskip("cyclonedds")
pytest.importorskip("rosbags")

from kibble.envs.registration import ROBOT
from kibble.envs.robot_simulator import SimulatedRobot, Simulator, SimulatorSettings
from kibble.envs.tabletop.env import TabletopEnv
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import LATCHED


@pytest.fixture(scope="module")
def graph():
    domain = free_domain()
    node = open_transport("dds", "simulated_robot", domain=domain)
    robot = SimulatedRobot(TabletopEnv("reach", image_size=(48, 48)))
    with Simulator(robot, node, settings=SimulatorSettings(rate=20.0), seed=3) as simulator:
        env = gymnasium.make(ROBOT, file="simulated_reach", domain=domain, image_size=(32, 32))
        yield simulator, env
        env.close()
    node.close()


def test_the_ball_is_reached_and_the_simulator_says_so(graph):
    simulator, env = graph
    obs, info = env.reset(seed=0)
    assert info["instruction"] == simulator.report.instruction
    assert env.observation_space.contains(obs)
    assert {view: f.shape for view, f in env.unwrapped.frames().items()} == dict.fromkeys(
        ("front", "wrist"), (1, 32, 32, 3)
    )
    for _ in range(50):
        obs, reward, terminated, truncated, info = env.step(
            np.clip(obs[-3:] / 0.08, -1.0, 1.0).astype(np.float32)
        )
        if terminated or truncated:
            break
    assert (reward, terminated, info["fault"]) == (1.0, True, "")
    assert simulator.report.successes >= 1


def test_the_emergency_stop_stops_the_robot_itself_and_the_environment(graph):
    simulator, env = graph
    env.reset()
    env.step(np.array([0.3, 0.0, 0.0], np.float32))
    button = open_transport("dds", "button", domain=env.spec.kwargs["domain"])
    press = button.advertise("/emergency_stop", "std_msgs/msg/Bool", qos=LATCHED)
    wait_until(lambda: press.subscribers >= 3)  # the robot, and the environment twice
    press.publish({"data": True})
    wait_until(lambda: simulator.report.stopped)
    for _ in range(3):  # the message may come after a step
        *_, truncated, info = env.step(np.array([0.3, 0.0, 0.0], np.float32))
        if truncated:
            break
    assert info["fault"] == "true on /emergency_stop"
    press.publish({"data": False})
    wait_until(lambda: not simulator.report.stopped)
    _, info = env.reset()
    assert info["instruction"] == simulator.report.instruction
    button.close()
