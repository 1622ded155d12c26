"""Cutting demonstrations into stages, and what the stages are worth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kibble.rewards.stages import (
    boundary_score,
    keyframes,
    normalise,
    segment,
    settled_from,
    stage_labels,
    stage_progress,
)


def line_cost(rows):
    """Squared distance from the best line, by least squares."""
    time = np.stack([np.ones(len(rows)), np.arange(len(rows))], axis=1)
    fitted = time @ np.linalg.lstsq(time, rows, rcond=None)[0]
    return float(((rows - fitted) ** 2).sum())


def cut_cost(features, starts):
    ends = [*starts[1:], len(features)]
    return sum(line_cost(features[b:e]) for b, e in zip(starts, ends, strict=True))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_no_cut_is_better_than_the_one_found(seed, stages):
    features = normalise(np.random.default_rng(seed).normal(size=(9, 2)))
    found = segment(features, stages=stages, shortest=2)
    assert len(found) == stages
    others = [
        (0, *cuts)
        for cuts in combinations(range(2, 8), stages - 1)
        if all(b - a >= 2 for a, b in zip((0, *cuts), (*cuts, 9), strict=True))
    ]
    best = min(cut_cost(features, starts) for starts in others)
    assert cut_cost(features, found) == pytest.approx(best, abs=1e-9)


def bent_path(noise=0.0):
    """Three straight stretches of 8, 12 and 6 frames."""
    corners, steps = np.array([[0, 0], [8, 0], [8, 24], [20, 24]], float), (8, 12, 6)
    parts = [
        corners[i] + (corners[i + 1] - corners[i]) * np.arange(n)[:, None] / n
        for i, n in enumerate(steps)
    ]
    path = np.concatenate(parts)
    return path + noise * np.random.default_rng(0).normal(size=path.shape)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_corners_of_a_path_are_found_and_counted(noise):
    found = segment(bent_path(noise), unexplained=0.01)
    assert len(found) == 3
    assert boundary_score(found[1:], (8, 20), tolerance=1) == (1.0, 1.0, 1.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 100.0), st.floats(-50.0, 50.0))
def test_units_and_origin_do_not_matter(scale, offset):
    path = bent_path(0.05)
    assert segment(path * scale + offset, stages=3) == segment(path, stages=3)


def test_candidates_are_the_only_starts():
    assert segment(bent_path(), stages=3, candidates=[7, 21]) == (0, 7, 21)
    with pytest.raises(ValueError, match="`candidates` must allow 3 stages"):
        segment(bent_path(), stages=3, candidates=[7])


def test_features_are_left_alone():
    path = bent_path()
    copy = path.copy()
    segment(path)
    np.testing.assert_array_equal(path, copy)


@settings(deadline=None)
@given(st.integers(2, 60), st.data())
def test_progress_rises_from_0_to_1_in_equal_shares(length, data):
    inner = data.draw(st.sets(st.integers(1, max(1, length - 2)), max_size=4))
    starts = (0, *sorted(start for start in inner if start < length - 1))
    progress = stage_progress(starts, length)
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    assert (np.diff(progress) > 0.0).all()
    np.testing.assert_allclose(progress[list(starts)], np.arange(len(starts)) / len(starts))
    inside = np.floor(progress[:-1] * len(starts) + 1e-9).astype(int)
    np.testing.assert_array_equal(inside, stage_labels(starts, length)[:-1])


def test_settled_is_the_last_arrival():
    path = np.array([0, 5, 10, 10, 4, 9.5, 10, 10.2, 10])[:, None]
    assert settled_from(path, share=0.1) == 5
    assert settled_from(np.ones((4, 2))) == 0


def test_keyframes_are_turns_of_the_gripper_and_stops_of_the_hand():
    closing = [-1, -1, -1, 1, 1, 1, 1, -1]
    speed = [1.0, 1.0, 0.1, 1.0, 1.0, 0.05, 1.0, 1.0]
    assert keyframes(closing, speed) == (2, 3, 5, 7)
    assert keyframes(None, None) == ()


@given(st.lists(st.integers(1, 40), unique=True), st.lists(st.integers(1, 40), unique=True))
def test_scores_swap_with_their_arguments(found, true):
    precision, recall, f1 = boundary_score(found, true)
    assert boundary_score(true, found) == pytest.approx((recall, precision, f1))
    assert boundary_score(true, true) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: segment(np.zeros((0, 2))), "`features` must be finite and of shape"),
        (lambda: segment([[np.nan]]), "`features` must be finite"),
        (lambda: segment(np.zeros((6, 1)), stages=4), r"`stages` must lie in \[1, 3\] for 6"),
        (lambda: segment(np.zeros((6, 1)), unexplained=1.0), r"`unexplained` must lie in \(0, 1"),
        (lambda: segment(np.zeros((6, 1)), shortest=0), "`shortest` and `most` must be 1 or"),
        (lambda: segment(np.zeros((6, 1)), candidates=[6]), r"`candidates` must lie in \[0, 5\]"),
        (lambda: stage_progress((1,), 5), "`starts` must begin with 0"),
        (lambda: stage_progress((0, 4), 5), "`length` must leave the last stage two frames"),
        (lambda: stage_labels((0, 3, 3), 5), "`starts` must begin with 0, increase"),
        (lambda: settled_from([[0.0]], share=2.0), r"`share` must lie in \[0, 1\]"),
        (lambda: keyframes([[1.0]], None), r"`closing` must have shape \(T,\)"),
        (lambda: keyframes(None, [1.0], still=-1.0), "`still` must be 0 or more"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
