"""The pure parts of the suite: kinematics, progress, placement, colours."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.envs.tabletop.arm import WORKSPACE_HIGH, WORKSPACE_LOW, inverse_kinematics
from kibble.envs.tabletop.palette import PALETTE, draw_colours
from kibble.envs.tabletop.placement import sample_apart
from kibble.envs.tabletop.progress import closeness, detour
from kibble.envs.tabletop.scene import scene_xml
from kibble.envs.tabletop.world import World

places = st.tuples(*map(st.floats, WORKSPACE_LOW.tolist(), WORKSPACE_HIGH.tolist())).map(np.array)


@pytest.fixture(scope="module")
def bare_world():
    return World(scene_xml(things="", cameras={}, image_size=(8, 8)))


@given(place=places)
def test_inverse_kinematics_brings_the_hand_there_upright(bare_world, place):
    bare_world.clear()
    bare_world.place_hand(place, closed=True)
    bare_world.refresh()
    np.testing.assert_allclose(bare_world.pinch, place, atol=1e-9)
    np.testing.assert_allclose(bare_world.rotation("hand"), np.eye(3), atol=1e-9)


def test_out_of_reach_is_said():
    with pytest.raises(ValueError, match=r"must lie within 0\.76 m of the shoulder, got 1\.0"):
        inverse_kinematics(np.array([1.0, 0.0, 0.1]))


def test_full_actions_move_the_hand_by_four_centimetres(bare_world):
    bare_world.clear()
    bare_world.place_hand(np.array([0.35, -0.1, 0.15]), closed=True)
    bare_world.refresh()
    step = np.array([0.04, 0.04, 0.0])
    for _ in range(4):
        bare_world.move(step, 1.0)
    start = bare_world.pinch
    bare_world.move(step, 1.0)
    np.testing.assert_allclose(bare_world.pinch - start, step, atol=2e-3)
    np.testing.assert_allclose(bare_world.pinch_velocity, step / 0.1, atol=0.03)


def test_hand_stays_in_the_workspace(bare_world):
    bare_world.clear()
    bare_world.place_hand(np.array([0.5, 0.2, 0.25]), closed=True)
    bare_world.refresh()
    for _ in range(15):
        bare_world.move(np.array([0.04, 0.04, 0.04]), 1.0)
    np.testing.assert_allclose(bare_world.pinch, WORKSPACE_HIGH, atol=5e-3)


@given(distance=st.floats(0, 2), tolerance=st.floats(0, 0.1), length=st.floats(0.01, 1))
def test_closeness_is_one_within_tolerance_and_falls(distance, tolerance, length):
    value = closeness(distance, tolerance=tolerance, length=length)
    assert 0.0 <= value <= 1.0
    assert (value == 1.0) == (distance <= tolerance) or distance - tolerance < 1e-9
    assert closeness(distance + 0.1, tolerance=tolerance, length=length) <= value


def test_closeness_falls_by_e_per_length():
    assert closeness(0.15, tolerance=0.05, length=0.1) == pytest.approx(math.exp(-1))


@given(horizontal=st.floats(0, 0.5), above=st.floats(-0.02, 0.3), clearance=st.floats(0.01, 0.065))
def test_moving_in_at_any_height_shortens_the_way(horizontal, above, clearance):
    def way(nearer):
        return detour(max(horizontal - nearer, 0.0), above, clearance=clearance)

    assert way(0.01) <= way(0.0) + 1e-12


@given(horizontal=st.floats(0.08, 0.5), clearance=st.floats(0.01, 0.065))
def test_the_way_far_off_leads_at_the_clearance(horizontal, clearance):
    best = detour(horizontal, clearance, clearance=clearance)
    assert best == pytest.approx(horizontal)
    for above in (clearance - 0.01, clearance + 0.01):
        assert detour(horizontal, above, clearance=clearance) > best


@given(seed=st.integers(0, 10_000), count=st.integers(1, 4))
def test_points_are_apart_and_in_the_box(seed, count):
    low, high = (0.3, -0.2), (0.6, 0.2)
    points = sample_apart(np.random.default_rng(seed), low=low, high=high, count=count, gap=0.1)
    assert points.shape == (count, 2)
    assert (points >= low).all()
    assert (points <= high).all()
    for i in range(count):
        for j in range(i):
            assert np.linalg.norm(points[i] - points[j]) >= 0.1


def test_a_box_without_room_is_said():
    with pytest.raises(RuntimeError, match="`gap` must leave room for 3 points"):
        sample_apart(np.random.default_rng(0), low=(0, 0), high=(1, 1), count=3, gap=2.0)


def test_colours_are_different_and_of_the_palette():
    for seed in range(20):
        colours = draw_colours(np.random.default_rng(seed), 4)
        assert len(set(colours)) == 4
        assert set(colours) <= set(PALETTE)


def test_model_has_no_unnamed_things_that_tasks_address(bare_world):
    names = {bare_world.model.joint(i).name for i in range(bare_world.model.njnt)}
    assert {"yaw", "shoulder", "elbow", "pitch", "roll"} <= names
    camera = mujoco.mj_name2id(bare_world.model, mujoco.mjtObj.mjOBJ_CAMERA.value, "wrist")
    assert camera >= 0
