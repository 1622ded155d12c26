"""Labels hide nothing: no thing, no mark, no other label."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.keypoints.prompting.placement import Box, place_labels

SHAPE = (90, 120)
RADIUS = 4.0


def points(most):
    inside = st.tuples(st.floats(0, SHAPE[1] - 1), st.floats(0, SHAPE[0] - 1))
    return st.lists(inside, min_size=1, max_size=most)


@st.composite
def scenes(draw):
    anchors = draw(points(8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = [tuple(rng.integers([8, 8], [40, 16]).tolist()) for _ in anchors]
    things = np.zeros(SHAPE, bool)
    for _ in range(rng.integers(0, 4)):
        top, left = rng.integers([0, 0], SHAPE)
        things[top : top + rng.integers(1, 40), left : left + rng.integers(1, 50)] = True
    return anchors, sizes, things


@given(scenes())
def test_labels_lie_inside_and_hide_neither_things_nor_marks_nor_each_other(scene):
    anchors, sizes, things = scene
    kept = things.copy()
    placed = place_labels(anchors, sizes, things, mark_radius=RADIUS)
    np.testing.assert_array_equal(things, kept)
    assert len(placed) == len(anchors)
    boxes = [box for box in placed if box is not None]
    for number, box in enumerate(boxes):
        assert box.left >= 0
        assert box.right <= SHAPE[1]
        assert box.top >= 0
        assert box.bottom <= SHAPE[0]
        assert not things[box.top : box.bottom, box.left : box.right].any()
        assert not any(box.overlaps(other) for other in boxes[:number])
        rows, columns = np.mgrid[box.top : box.bottom, box.left : box.right]
        for x, y in anchors:
            assert ((columns - x) ** 2 + (rows - y) ** 2).min() > RADIUS**2
    for box, size in zip(placed, sizes, strict=True):
        assert box is None or (box.width, box.height) == size


def test_a_label_stands_close_to_its_mark_where_there_is_room():
    (box,) = place_labels([(60.0, 45.0)], [(20, 10)], np.zeros(SHAPE, bool), mark_radius=RADIUS)
    assert np.hypot(*np.subtract(box.nearest((60.0, 45.0)), (60.0, 45.0))) <= RADIUS + 4


def test_a_label_leaves_the_thing_that_its_mark_lies_on():
    things = np.zeros(SHAPE, bool)
    things[20:70, 30:90] = True
    (box,) = place_labels([(60.0, 45.0)], [(20, 10)], things, mark_radius=RADIUS)
    assert box.top >= 70 or box.bottom <= 20 or box.left >= 90 or box.right <= 30


def test_where_there_is_no_room_there_is_no_label():
    assert place_labels([(60.0, 45.0)], [(20, 10)], np.ones(SHAPE, bool), mark_radius=1.0) == [
        None
    ]
    assert place_labels([(60.0, 45.0)], [(121, 10)], np.zeros(SHAPE, bool), mark_radius=1.0) == [
        None
    ]


def test_boxes_that_only_touch_do_not_overlap():
    box = Box(left=10, top=10, width=5, height=5)
    assert box.overlaps(Box(left=14, top=14, width=5, height=5))
    assert not box.overlaps(Box(left=15, top=10, width=5, height=5))
    assert not box.overlaps(Box(left=10, top=15, width=5, height=5))
