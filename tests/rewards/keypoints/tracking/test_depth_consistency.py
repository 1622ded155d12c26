"""What came before a point, by depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.rewards.keypoints.tracking.moving_square import picture, proposal

from kibble.rewards.cameras.depth_frames import pack_depth
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracking.depth_consistency import (
    hidden_by_depth,
    noted_depth,
    surface_depth,
)
from kibble.rewards.keypoints.tracking.memory import first_memory, recall
from kibble.rewards.keypoints.tracking.track import Track
from kibble.rewards.keypoints.tracks import TrackState

FUNCTION = ROLES.index(Role.FUNCTION)


def noted() -> Track:
    frames = picture((40.5, 40.5), depth=True)
    memory = first_memory("push", proposal((40.5, 40.5)), frames)
    return noted_depth(recall([memory], "front"), frames, "front")


def test_nearest_and_farthest_of_the_readings_around_a_point() -> None:
    metres = np.array([[[1.0, 1.0, 1.0], [1.0, 0.5, np.nan], [2.0, 1.0, 1.0]]])
    nearest, farthest = surface_depth(pack_depth(metres), np.array([[[1.5, 1.5]]], np.float32))
    np.testing.assert_allclose(nearest, [[0.5]])
    np.testing.assert_allclose(farthest, [[2.0]])


def test_outside_the_picture_and_without_a_reading_there_is_no_depth() -> None:
    frames = pack_depth(np.full((1, 4, 4), np.nan))
    nearest, _ = surface_depth(frames, np.array([[[1.5, 1.5]]], np.float32))
    assert np.isnan(nearest).all()
    frames = pack_depth(np.ones((1, 4, 4)))
    nearest, _ = surface_depth(frames, np.array([[[5.0, 1.5], [np.nan, 1.0]]], np.float32))
    assert np.isnan(nearest).all()


def test_the_depth_of_what_is_seen_is_noted() -> None:
    track = noted()
    np.testing.assert_allclose(track.depth[0, FUNCTION], 0.95, atol=1e-4)
    np.testing.assert_allclose(track.depth[0, ROLES.index(Role.TARGET)], 1.0, atol=1e-4)
    assert np.isnan(track.depth[0, ROLES.index(Role.GRASP)])


def test_a_post_before_a_point_hides_it() -> None:
    track = noted()
    post = picture((40.5, 40.5), post=34, depth=True)
    hidden = hidden_by_depth(track, track.pixels, post, "front", tolerance=0.03)
    assert hidden[0, FUNCTION]
    assert not hidden[0, ROLES.index(Role.TARGET)]
    assert not hidden[0, ROLES.index(Role.GRIPPER)]


def test_the_edge_of_a_thing_beside_a_point_hides_nothing() -> None:
    track = noted()
    beside = picture((40.5, 40.5), post=41, depth=True)
    hidden = hidden_by_depth(track, track.pixels, beside, "front", tolerance=0.03)
    assert not hidden.any()


def test_a_point_that_moved_may_have_come_nearer() -> None:
    track = noted()
    way = np.zeros_like(track.pixels)
    way[0, FUNCTION] = 45.0, 0.0  # half of the picture's width
    frames = picture((85.5, 40.5), post=80, depth=True)
    hidden = hidden_by_depth(track, track.pixels + way, frames, "front", tolerance=0.03)
    assert not hidden[0, FUNCTION]
    unmoved = replace(track, seen_at=track.pixels + way)
    hidden = hidden_by_depth(unmoved, track.pixels + way, frames, "front", tolerance=0.03)
    assert hidden[0, FUNCTION]


def test_without_frames_of_depth_nothing_is_hidden_and_nothing_noted() -> None:
    track = noted()
    frames = picture((40.5, 40.5), post=34)
    assert not hidden_by_depth(track, track.pixels, frames, "front", tolerance=0.03).any()
    assert noted_depth(track, frames, "front") is track


def test_what_is_not_seen_keeps_the_depth_that_it_had() -> None:
    track = noted()
    occluded = replace(track, state=np.full_like(track.state, TrackState.OCCLUDED))
    after = noted_depth(occluded, picture((40.5, 40.5), post=34, depth=True), "front")
    np.testing.assert_array_equal(after.depth, track.depth)


def test_of_a_point_at_rest_the_largest_depth_counts() -> None:
    track = noted()
    creeping = noted_depth(track, picture((40.5, 40.5), post=41, depth=True), "front")
    np.testing.assert_array_equal(creeping.depth, track.depth)
    gone = {**picture((40.5, 40.5)), "front_depth": pack_depth(np.ones((1, 96, 96)))}
    np.testing.assert_allclose(noted_depth(track, gone, "front").depth[0, FUNCTION], 1.0)


def test_a_point_that_moved_brings_its_depth_along() -> None:
    track = noted()
    way = np.zeros_like(track.pixels)
    way[0, FUNCTION] = 10.0, 0.0
    nearer = {**picture((50.5, 40.5)), "front_depth": pack_depth(np.full((1, 96, 96), 0.9))}
    moved = noted_depth(replace(track, pixels=track.pixels + way), nearer, "front")
    np.testing.assert_allclose(moved.depth[0, FUNCTION], 0.9, atol=1e-4)
    np.testing.assert_array_equal(moved.seen_at[0, FUNCTION], track.pixels[0, FUNCTION] + (10, 0))
    np.testing.assert_allclose(moved.depth[0, ROLES.index(Role.TARGET)], 1.0, atol=1e-4)
