"""Marks lie on the things of a picture, real scenes included."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tests.rewards.keypoints.prompting.rendered import start

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.keypoints.prompting.regions import region_points, segment
from kibble.rewards.keypoints.roles import ROLES, Role

COLOURS = {(20, 30): (220, 30, 30), (60, 15): (30, 60, 220), (65, 70): (250, 220, 20)}


def table(side=96, noise=0):
    """A beige table under a grey wall with three squares of 12 pixels, by their corners."""
    frame = np.full((96, 96, 3), (150, 140, 125), np.uint8)
    frame[:18] = (110, 115, 125)
    for (top, left), colour in COLOURS.items():
        frame[top : top + 12, left : left + 12] = colour
    shaken = frame + np.random.default_rng(0).integers(-noise, noise + 1, frame.shape)
    scale = side // 96
    return np.clip(shaken, 0, 255).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)


@pytest.mark.parametrize("noise", [0, 3])
@pytest.mark.parametrize("side", [96, 480])
def test_every_thing_is_one_region_and_the_scene_is_none(side, noise):
    frame = table(side, noise)
    labels = segment(frame)
    assert labels.shape == frame.shape[:2]
    assert labels.max() == len(COLOURS)
    truth = np.zeros((96, 96), bool)
    for top, left in COLOURS:
        truth[top : top + 12, left : left + 12] = True
    scale = side // 96
    agreed = (labels > 0) == truth.repeat(scale, 0).repeat(scale, 1)
    assert agreed.mean() > 0.99


def test_middles_come_first_and_other_points_lie_far_from_them():
    points = region_points(segment(table()), 20)
    middles = {(top + 6, left + 6) for top, left in COLOURS}
    assert {tuple(np.round(point[::-1]).astype(int)) for point in points[:3]} <= {
        (v + dv, u + du) for v, u in middles for dv in (-1, 0, 1) for du in (-1, 0, 1)
    }
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert (gaps[~np.eye(len(points), dtype=bool)] >= 96 / 40).all()


def test_points_are_as_few_as_asked_and_the_same_again():
    labels = segment(table())
    assert len(region_points(labels, 2)) == 2
    np.testing.assert_array_equal(region_points(labels, 9), region_points(labels, 9))
    with pytest.raises(ConfigError, match="`limit` must be at least 1, got 0"):
        region_points(labels, 0)


def test_an_empty_picture_has_no_points():
    labels = segment(np.full((64, 80, 3), 90, np.uint8))
    assert labels.max() == 0
    assert region_points(labels, 5).shape == (0, 2)


@pytest.mark.parametrize("task", ["push", "pick_place", "stack", "drawer_close"])
def test_what_is_moved_and_where_it_goes_have_marks_in_rendered_scenes(task):
    gaps = []
    for seed in range(3):
        frames, _, pixels = start(task, seed)
        points = region_points(segment(frames["front"][0]), 20)
        for role in (Role.FUNCTION, Role.TARGET):
            true = pixels["front"][ROLES.index(role)]
            gaps.append(np.linalg.norm(points - true, axis=1).min())
    assert np.median(gaps) < 2.5  # of 96 pixels; a cube has about 10


def test_without_opencv_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match=r"kibble\[keypoints\].*marks=lattice"):
        segment(table())
