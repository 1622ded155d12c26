"""The robot without time: velocities, fingers, success, and what it feels."""

import numpy as np
import pytest

from kibble.envs.robot_simulator import SimulatedRobot
from kibble.envs.tabletop.env import TabletopEnv
from kibble.envs.tabletop.world import ACTION_SCALE, CONTROL_DT

ACTIONS = np.array([[1.0, 0.0, 0.0], [0.5, -1.0, 0.2], [-0.3, 0.4, 1.0], [0.0, 0.0, 0.0]])


@pytest.fixture
def make():
    opened = []

    def robot(task="reach", seed=0, **options):
        env = TabletopEnv(task)
        opened.append(env)
        made = SimulatedRobot(env, **options)
        made.reset(seed=seed)
        return made

    yield robot
    for env in opened:
        env.close()


def test_a_velocity_moves_the_hand_as_an_action_of_the_suite_does(make):
    stepped, driven = make().env, make()
    for action in ACTIONS:
        stepped.step(np.append(action, 1.0).astype(np.float32))
        driven.drive(action * ACTION_SCALE / CONTROL_DT)
        for _ in range(5):
            driven.advance(CONTROL_DT / 5)
    np.testing.assert_allclose(driven.state().pinch, stepped.world.pinch, atol=2e-3)


def test_the_state_agrees_with_the_suites_observation(make):
    robot = make("push")
    robot.drive(np.array([0.1, 0.0, 0.0]))
    robot.advance(0.1)
    state = robot.state()
    places = dict(zip(state.names, state.positions, strict=True))
    speeds = dict(zip(state.names, state.velocities, strict=True))
    np.testing.assert_allclose([places[f"hand_{axis}"] for axis in "xyz"], state.pinch)
    assert speeds["hand_x"] == pytest.approx(places["hand_velocity_x"])
    assert speeds["hand_x"] > 0.02
    assert len(state.observation) == len(robot.env.observation_names)
    np.testing.assert_allclose(state.observation[:8], state.positions[:8])
    assert sorted(state.objects) == ["function", "grasp", "target"]
    np.testing.assert_allclose(np.linalg.norm(state.orientation_wxyz), 1.0)


def test_speeds_are_limited_and_a_halt_ends_them(make):
    robot = make()
    robot.drive(np.array([9.0, -9.0, 0.1]))
    np.testing.assert_allclose(robot.velocity, [0.4, -0.4, 0.1])
    robot.halt()
    robot.advance(0.2)  # settles
    still = robot.state().pinch
    robot.advance(0.2)
    np.testing.assert_allclose(robot.state().pinch, still, atol=1e-3)


def test_fingers_obey_only_where_the_task_grasps(make):
    reach, pick = make("reach"), make("pick_place")
    assert (reach.closing, pick.closing) == (1.0, -1.0)
    reach.grip(-1.0)
    pick.grip(7.0)
    assert (reach.closing, pick.closing) == (1.0, 1.0)
    pick.advance(0.5)
    assert pick.state().positions[6] < 0.02  # m between the pads


@pytest.mark.parametrize("dwell", [0.0, 0.3])
def test_success_counts_once_it_has_held(make, dwell):
    robot = make(dwell=dwell)
    for _ in range(500):
        way = robot.env.expert_command().pinch - robot.state().pinch
        robot.drive(5.0 * way)
        robot.advance(0.02)
        if robot.env.oracle().success:
            break
    assert robot.env.oracle().success
    waited = 0.0
    while not robot.state().success:
        robot.halt()
        robot.advance(0.02)
        waited += 0.02
        assert waited <= dwell + 0.05
    assert waited == pytest.approx(dwell, abs=0.03)
    robot.reset()
    assert not robot.state().success


def test_one_seed_gives_one_sequence_of_scenes(make):
    first, second = make(seed=4), make(seed=4)
    for _ in range(3):
        assert first.instruction == second.instruction
        np.testing.assert_array_equal(first.state().observation, second.state().observation)
        first.reset()
        second.reset()
