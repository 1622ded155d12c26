"""Annotated pictures: what is drawn, what is left alone, and that labels hide no thing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.rewards.keypoints.prompting.rendered import TASKS, VIEWS, opened, start

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.prompting.annotated import Mark, annotate
from kibble.rewards.keypoints.prompting.height_lines import height_lines
from kibble.rewards.keypoints.prompting.regions import region_points, segment
from kibble.rewards.keypoints.prompting.side_by_side import side_by_side
from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.roles import ROLES, Role


def annotated(task, view, size, limit):
    frames, _, _ = start(task, 0)
    frame = frames[view][0]
    things = segment(frame) > 0
    points = region_points(segment(frame), limit)
    marks = [Mark(label=str(n), pixel=tuple(point)) for n, point in enumerate(points, start=1)]
    shown = annotate(frame, size=size, caption=view, marks=marks, things=things, tiles=Tiles())
    return frame, things, marks, shown


@pytest.mark.parametrize(("size", "limit"), [(224, 14), (448, 20)])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("task", TASKS)
def test_labels_of_a_rendered_scene_hide_neither_things_nor_marks(task, view, size, limit):
    frame, things, marks, shown = annotated(task, view, size, limit)
    assert set(shown.boxes) == set(shown.marks) == {mark.label for mark in marks}
    frame_box = shown.picture
    rows = (np.arange(size) * frame.shape[0]) // size
    columns = (np.arange(size) * frame.shape[1]) // size
    larger = things[rows][:, columns]
    for label, box in shown.boxes.items():
        top, left = box.top - frame_box.top, box.left - frame_box.left
        assert left >= 0
        assert left + box.width <= frame_box.width
        assert top >= 0
        assert top + box.height <= frame_box.height
        assert not larger[top : top + box.height, left : left + box.width].any()
        for x, y in shown.marks.values():
            assert np.hypot(*np.subtract(box.nearest((x, y)), (x, y))) > 3.0
        assert not any(box.overlaps(other) for name, other in shown.boxes.items() if name != label)


@pytest.mark.parametrize("size", [224, 448])
def test_letters_are_high_enough_to_read(size):
    _, _, _, shown = annotated("push", "front", size, 14)
    for label, box in shown.boxes.items():
        ink = shown.pixels[box.top + 1 : box.bottom - 1, box.left + 1 : box.right - 1].min(-1)
        written = np.flatnonzero((ink > 128).any(axis=1))
        assert len(written) >= 7, label  # pixels from the top to the foot of a figure
        assert ink.max() > 200  # white on
        assert np.median(ink) < 40  # black


def test_marks_stand_on_their_pixels():
    frame = np.full((96, 96, 3), 120, np.uint8)
    shown = annotate(frame, size=448, marks=[Mark(label="1", pixel=(24.0, 72.0))])
    x, y = shown.marks["1"]
    assert (x, y) == pytest.approx((24 * 448 / 96, 72 * 448 / 96))
    assert (shown.pixels[round(y), round(x)] < 60).all()  # the middle of the ring
    assert shown.pixels[round(y) - 6 : round(y) + 7, round(x)].max() > 240  # the ring
    assert annotate(frame, size=448).pixels.shape == (448, 448, 3)


def test_nothing_is_changed_and_equal_input_gives_equal_pictures():
    frame, things, marks, shown = annotated("pick_place", "front", 224, 10)
    kept = frame.copy()
    again = annotate(frame, size=224, caption="front", marks=marks, things=things, tiles=Tiles())
    np.testing.assert_array_equal(again.pixels, shown.pixels)
    np.testing.assert_array_equal(frame, kept)
    assert not np.shares_memory(again.pixels, frame)


def test_proportions_are_kept():
    shown = annotate(np.zeros((60, 120, 3), np.uint8), size=240)
    assert (shown.picture.width, shown.picture.height) == (240, 120)


def test_the_grid_has_a_line_between_tiles_and_letters_below():
    plain = annotate(np.full((100, 100, 3), 120, np.uint8), size=200, tiles=Tiles())
    left, top = plain.picture.left, plain.picture.top
    brightness = plain.pixels[top + 10, left : left + 200].mean(axis=-1)
    assert np.flatnonzero(brightness > 170).tolist() == [40, 80, 120, 160]
    below = plain.pixels[plain.picture.bottom :, left:]
    assert all((below[:, 40 * i : 40 * (i + 1)] > 200).any() for i in range(5))


def test_the_ruler_has_a_name_beside_each_line():
    frames, _, pixels = start("pick_place", 0)
    foot = tuple(pixels["side"][ROLES.index(Role.TARGET)])
    lines = height_lines(opened("pick_place").camera("side"), (0, 0.1, 0.2), foot)
    shown = annotate(frames["side"][0], size=448, lines=lines)
    margin = shown.pixels[:, shown.picture.right + 3 :].max(axis=-1) > 150
    for line in lines:
        row = round(line.points[-1, 1] * 448 / 96)
        assert margin[max(0, row - 6) : row + 7].any(), line.label
    steps = [line.points[0, 1] for line in lines]
    assert all(upper < lower for lower, upper in itertools.pairwise(steps))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"size": 100}, "`size` must be at least 160 pixels, got 100"),
        ({"marks": [Mark(label="1", pixel=(1, 1))] * 2}, "different labels, got .'1', '1'."),
        ({"marks": [Mark(label="7", pixel=(97, 1))]}, "Mark '7' must lie in the picture"),
        ({"marks": [Mark(label="7", pixel=(float("nan"), 1))]}, "Mark '7' must lie in"),
    ],
)
def test_what_cannot_be_drawn_is_named(changes, text):
    with pytest.raises(ConfigError, match=text):
        annotate(np.zeros((96, 96, 3), np.uint8), **changes)


def test_pictures_side_by_side_keep_their_pixels():
    one, other = np.full((4, 3, 3), 7, np.uint8), np.full((6, 5, 3), 9, np.uint8)
    row = side_by_side([one, other], gap=2)
    assert row.shape == (6, 10, 3)
    assert (row[:4, :3] == 7).all()
    assert (row[:, 5:] == 9).all()
    assert (row[4:, :3] == 0).all()
    assert (row[:, 3:5] == 0).all()
    with pytest.raises(ConfigError, match="at least one picture"):
        side_by_side([])
