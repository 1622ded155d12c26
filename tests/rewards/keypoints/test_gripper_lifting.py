"""Where a gripper is, by the depth of its fingers."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import kibble.envs  # noqa: F401  # registers the suite
from kibble.envs.tabletop import make_expert
from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.depth_frames import unpack_depth
from kibble.rewards.cameras.plane_lifting import lift_by_plane
from kibble.rewards.keypoints.gripper_lifting import lift_gripper

CAMERA = read_cameras("tabletop", {"front": (96, 96)})["front"]
HAND = np.array([0.45, 0.02, 0.12])


def table_with_fingers(opening):
    """Depth of a table, and of two fingers 2 cm wide that hang from above; (1, H, W) m."""
    columns, rows = np.meshgrid(np.arange(96) + 0.5, np.arange(96) + 0.5)
    pixels = np.stack([columns, rows], axis=-1)
    depth = CAMERA.depths(lift_by_plane(CAMERA, pixels, offset=0.0).positions)
    away = float(CAMERA.depths(HAND))
    u, v = CAMERA.project(HAND)
    metre = CAMERA.intrinsics[0, 0] / away  # pixels
    for side in (-1, 1):
        inner, outer = sorted((side * opening / 2, side * (opening / 2 + 0.02)))
        beside = (columns - u >= inner * metre) & (columns - u <= outer * metre)
        depth[beside & (rows <= v + 1)] = away - 0.015
    return depth[None]


@pytest.mark.parametrize("opening", [0.0, 0.03, 0.06, 0.08])
def test_a_gripper_is_found_closed_and_open(opening):
    place = lift_gripper(CAMERA, CAMERA.project(HAND)[None], table_with_fingers(opening))
    assert np.linalg.norm(place[0] - HAND) < 0.006


def test_without_fingers_there_is_no_gripper():
    pixels = np.stack([CAMERA.project(HAND), [np.nan, np.nan], [-3.0, 4.0]])
    depth = np.repeat(table_with_fingers(0.5), 3, axis=0)
    assert np.isnan(lift_gripper(CAMERA, pixels, depth)).all()


def test_what_stands_below_the_hand_is_no_finger():
    depth = table_with_fingers(0.06)
    u, v = CAMERA.project(HAND).astype(int)
    depth[0, v + 2 : v + 8, u - 4 : u + 5] = float(CAMERA.depths(HAND)) - 0.12
    place = lift_gripper(CAMERA, CAMERA.project(HAND)[None], depth)
    assert np.linalg.norm(place[0] - HAND) < 0.006


@pytest.mark.parametrize("task", ["Push", "PickPlace"])
def test_the_hand_of_an_expert_is_found_throughout(task):
    env = gymnasium.make(f"kibble/{task}-v0")
    table = env.unwrapped
    env.reset(seed=1)
    expert = make_expert(env)
    away = []
    for _ in range(15):
        hand = table.affordances().positions[:1]
        depth = unpack_depth(table.frames(["front_depth"])["front_depth"])
        place = lift_gripper(CAMERA, CAMERA.project(hand), depth)
        away.append(np.linalg.norm(place - hand))
        if any(env.step(expert())[2:4]):
            break
    env.close()
    assert np.isfinite(away).mean() > 0.8
    assert np.nanmedian(away) < 0.02
