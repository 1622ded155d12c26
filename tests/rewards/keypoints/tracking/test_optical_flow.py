"""Points followed from one frame to the next."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.keypoints.tracking.moving_square import TARGET, picture

from kibble.rewards.keypoints.tracking.likeness import likeness, patches
from kibble.rewards.keypoints.tracking.optical_flow import follow

BEFORE = picture((40.5, 40.5))["front"][0]


@pytest.mark.parametrize(("du", "dv"), [(3, 0), (0, -4), (-5, 3)])
def test_a_moving_square_is_followed_and_what_stands_still_stays(du: int, dv: int) -> None:
    after = picture((40.5 + du, 40.5 + dv))["front"][0]
    moved, share = follow(BEFORE, after, np.array([[40.5, 40.5], TARGET], np.float32))
    np.testing.assert_allclose(moved, [[40.5 + du, 40.5 + dv], TARGET], atol=0.3)
    assert (share > 0).all()


def test_steps_grow_with_the_picture() -> None:
    before, after = (
        np.kron(picture(at)["front"][0], np.ones((4, 4, 1), np.uint8))
        for at in ((40.5, 40.5), (44.5, 42.5))
    )
    moved, _ = follow(before, after, np.array([[162.0, 162.0]], np.float32))
    np.testing.assert_allclose(moved, [[178.0, 170.0]], atol=1.2)


def test_what_a_post_covers_is_not_followed() -> None:
    after = picture((40.5, 40.5), post=33)["front"][0]
    moved, share = follow(BEFORE, after, np.array([[40.5, 40.5]], np.float32))
    np.testing.assert_array_equal(moved, [[40.5, 40.5]])
    assert share[0] == 0


def test_points_outside_the_picture_are_not_followed() -> None:
    points = np.array([[-3.0, 5.0], [96.0, 5.0], [np.nan, 5.0]], np.float32)
    moved, share = follow(BEFORE, BEFORE, points)
    np.testing.assert_array_equal(moved, points)
    assert not share.any()


def test_the_hand_is_followed_where_the_table_shows_through_its_fingers() -> None:
    below = np.array([[40.5, 50.5]], np.float32)  # on the table, under the square
    after = picture((44.5, 40.5))["front"][0]
    as_hand, share = follow(BEFORE, after, below, hand=0)
    np.testing.assert_allclose(as_hand, [[44.5, 50.5]], atol=0.3)
    assert share[0] > 0
    as_point, _ = follow(BEFORE, after, below)
    np.testing.assert_allclose(as_point, below, atol=0.3)


def test_inputs_are_left_alone() -> None:
    points = np.array([[40.5, 40.5]], np.float32)
    before, after = BEFORE.copy(), picture((44.5, 40.5))["front"][0]
    follow(before, after, points)
    np.testing.assert_array_equal(points, [[40.5, 40.5]])
    np.testing.assert_array_equal(before, BEFORE)


def test_patches_are_alike_where_the_picture_is() -> None:
    frames = picture((40.5, 40.5))["front"]
    other = picture((44.5, 40.5))["front"]
    at = np.array([[[40.5, 40.5], TARGET]], np.float32)
    here = patches(frames, at)
    assert here.shape == (1, 2, 5, 5, 3)
    np.testing.assert_array_equal(here[0, 0, 2, 2], (240, 220, 60))
    np.testing.assert_array_equal(likeness(here, here), [[1.0, 1.0]])
    np.testing.assert_array_equal(
        likeness(here, patches(other, at + np.float32([[[4, 0], [0, 0]]]))), [[1.0, 1.0]]
    )
    assert likeness(here, patches(other, at))[0, 0] < 0.7


def test_the_pictures_edge_is_continued() -> None:
    corner = patches(picture((40.5, 40.5))["front"], np.array([[[0.0, 95.9]]], np.float32))
    np.testing.assert_array_equal(corner[0, 0, :, 0], corner[0, 0, :, 2])
