"""Keypoints and plans of the tasks: they lie on things, lead to success, and are hidden or not."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.envs.tabletop import TabletopEnv, make_expert
from kibble.envs.tabletop.affordances import Affordances, in_sight
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.keypoints.roles import ROLES, Role

GRIPPER, GRASP, FUNCTION, TARGET = range(len(ROLES))


def distance_of(affordances: Affordances, waypoint) -> float:
    places = affordances.positions
    place = places[ROLES.index(waypoint.anchor)] + (0.0, 0.0, waypoint.height)
    return float(np.linalg.norm(places[ROLES.index(waypoint.mover)] - place))


def seen(env: TabletopEnv, view: str) -> list[bool]:
    depth = unpack_depth(env.frames([depth_view(view)])[depth_view(view)])[0]
    return in_sight(env.camera(view), depth, env.affordances()).tolist()


@pytest.mark.parametrize("task", TASKS)
def test_every_waypoint_is_reached_in_order_where_the_expert_succeeds(task):
    env = TabletopEnv(task)
    env.reset(seed=3)
    expert = make_expert(env)
    plan = env.task.plan
    nearest = np.full(len(plan), np.inf)
    first = np.full(len(plan), -1)
    for step in range(60):
        affordances = env.affordances()
        for k, waypoint in enumerate(plan):
            near = distance_of(affordances, waypoint)
            nearest[k] = min(nearest[k], near)
            if near < 0.035 and first[k] < 0:
                first[k] = step
        if env.oracle().success:
            break
        env.step(expert())
    assert env.oracle().success
    assert nearest.max() < 0.035
    assert (np.diff(first) >= 0).all()
    assert distance_of(env.affordances(), plan[-1]) < 0.041  # the widest tolerance: push


@pytest.mark.parametrize("task", TASKS)
def test_other_goals_have_other_keypoints_in_the_same_scene(task):
    env = TabletopEnv(task)
    env.reset(seed=1)
    told = [env.affordances(goal).positions for goal in env.goals]
    assert len({each.round(4).tobytes() for each in told}) == len(env.goals)
    for each in told:
        np.testing.assert_array_equal(each[GRIPPER], env.world.pinch)
        needed = {Role.GRIPPER, Role.TARGET} | {
            role for waypoint in env.task.plan for role in (waypoint.mover, waypoint.anchor)
        }
        present = {role for role, place in zip(ROLES, each, strict=True) if place[0] == place[0]}
        assert present == needed


def test_a_pushed_cube_lies_on_its_pad_at_the_last_waypoint():
    env = TabletopEnv("push")
    env.reset(seed=0)
    world, goal = env.world, env.goal
    pad = world.position(goal.target)
    world.place_free(goal.subject, pad + np.array([0.0, 0.0, 0.025]))
    world.refresh()
    assert distance_of(env.affordances(), env.task.plan[-1]) == pytest.approx(0.0, abs=1e-9)


def test_every_opening_within_two_centimetres_of_the_target_counts_as_open():
    env = TabletopEnv("drawer_open")
    env.reset(seed=0)
    for opening in np.linspace(0.0, 0.15, 31):
        env.world.place_joint(env.goal.subject, opening)
        env.world.refresh()
        near = distance_of(env.affordances(), env.task.plan[-1]) <= 0.02 + 1e-9
        assert near == env.oracle().success, opening


def test_the_hand_hides_what_is_under_it_from_above_and_nothing_hides_it_from_the_front():
    env = TabletopEnv("pick_place", image_size=(96, 96))
    env.reset(seed=2)
    cube = env.world.position(env.goal.subject)
    env.world.place_hand(cube + np.array([0.0, 0.0, 0.15]), closed=False)
    env.world.refresh()
    assert not seen(env, "top")[FUNCTION]
    assert seen(env, "front") == [True] * 4
    env.world.place_hand(np.array([0.6, -0.22, 0.25]), closed=False)
    env.world.refresh()
    assert seen(env, "top")[FUNCTION]
    env.close()


def test_a_cube_on_the_pad_hides_its_middle_and_absent_roles_are_never_seen():
    env = TabletopEnv("push")
    env.reset(seed=0)
    assert seen(env, "side")[TARGET]
    pad = env.world.position(env.goal.target)
    env.world.place_free(env.goal.subject, pad + np.array([0.0, 0.0, 0.025]))
    env.world.refresh()
    assert not seen(env, "side")[TARGET]
    assert seen(env, "side")[FUNCTION]
    env.close()
    reach = TabletopEnv("reach")
    reach.reset(seed=0)
    assert seen(reach, "front")[GRASP] is False
    assert np.isnan(reach.affordances().positions[FUNCTION]).all()
    reach.close()


def test_points_outside_the_picture_or_behind_the_camera_are_not_seen():
    env = TabletopEnv("reach")
    env.reset(seed=0)
    camera = env.camera("front")
    places = np.array([[5.0, 0.0, 0.1], [0.4, 0.9, 0.0], [np.nan] * 3, [0.45, 0.0, 0.0]])
    told = Affordances(positions=places, depths=np.zeros(4), plan=env.task.plan)
    nothing = np.full((96, 96), np.nan, np.float32)
    assert in_sight(camera, nothing, told).tolist() == [False, False, False, True]
