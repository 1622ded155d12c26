"""The ruler: its lines stand where the camera would see them."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.keypoints.prompting.height_lines import height_lines, side_view

CAMERAS = read_cameras("tabletop", dict.fromkeys(("front", "side", "top"), (96, 96)))
HEIGHTS = (0.0, 0.05, 0.1, 0.2)


@pytest.mark.parametrize("foot", [(48.0, 70.0), (20.0, 60.0), (80.0, 64.0)])
def test_the_ruler_stands_on_its_foot_and_is_true_there(foot):
    camera = CAMERAS["side"]
    ray = camera.rays(np.array([foot]))[0]
    base = camera.centre - camera.centre[2] / ray[2] * ray  # on the table
    lines = height_lines(camera, HEIGHTS, foot)
    assert [line.label for line in lines] == ["h0", "h1", "h2", "h3"]
    for line, height in zip(lines, HEIGHTS, strict=True):
        assert line.height == height
        true = camera.project(base + np.array([0.0, 0.0, height]))
        on_line = np.interp(true[0], line.points[:, 0], line.points[:, 1])
        assert on_line == pytest.approx(true[1], abs=0.05)


def test_lines_run_from_left_to_right_through_the_whole_picture():
    for line in height_lines(CAMERAS["side"], HEIGHTS, (48.0, 70.0)):
        assert (np.diff(line.points[:, 0]) > 0).all()
        assert line.points[0, 0] < 5
        assert line.points[-1, 0] > 91


def test_heights_out_of_sight_are_left_out():
    lines = height_lines(CAMERAS["side"], (0.0, 0.1, 5.0), (48.0, 70.0))
    assert [line.label for line in lines] == ["h0", "h1"]


def test_where_no_table_is_the_ruler_stands_a_metre_away():
    camera = CAMERAS["side"]
    (line,) = height_lines(camera, (0.0,), (48.0, 5.0))  # the sky
    assert np.interp(48.0, line.points[:, 0], line.points[:, 1]) == pytest.approx(5.0, abs=0.05)


def test_the_side_view_is_the_one_that_looks_most_nearly_level():
    assert side_view(CAMERAS) == "side"
    assert side_view({"top": CAMERAS["top"]}) is None
    assert side_view({}) is None
