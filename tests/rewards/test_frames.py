"""Frames of the wrong kind are refused by view, rule and value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames, concatenate_frames, resize_frames, single_frame


def images(n: int = 1, height: int = 4, width: int = 6) -> np.ndarray:
    return np.zeros((n, height, width, 3), np.uint8)


def test_good_frames_are_counted():
    assert check_frames({"front": images(2), "wrist": images(2, 8, 8)}, views=["wrist"]) == 2


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({}, "must map view names to arrays"),
        (images(), "must map view names to arrays, got ndarray"),
        ({"wrist": images()}, "View 'front' is required, got views \\['wrist'\\]"),
        ({"front": images().astype(np.float32)}, "'front' must be a uint8 .* got float32"),
        ({"front": [[0]]}, "'front' must be a uint8 NumPy array, got list"),
        ({"front": images()[0]}, r"must have shape \(N, H, W, 3\), got \(4, 6, 3\)"),
        ({"front": images()[..., :1]}, r"must have shape \(N, H, W, 3\), got \(1, 4, 6, 1\)"),
        ({"front": images(1, 0, 6)}, r"must have shape \(N, H, W, 3\), got \(1, 0, 6, 3\)"),
        ({"front": images(1), "wrist": images(2)}, "Every view must hold 1 frames, got"),
    ],
)
def test_bad_frames_are_refused(frames, message):
    with pytest.raises(FrameError, match=message):
        check_frames(frames, views=["front"])


def test_a_count_that_is_expected_is_checked():
    with pytest.raises(FrameError, match="Every view must hold 3 frames"):
        check_frames({"front": images(2)}, count=3)


def test_one_image_becomes_frames():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)[:, ::-1]
    frames = single_frame("front", image)
    assert check_frames(frames, count=1) == 1
    assert frames["front"].flags.c_contiguous
    np.testing.assert_array_equal(frames["front"][0], image)


def test_concatenation_keeps_the_order_and_the_common_views():
    first = {"front": images(1) + np.uint8(1), "wrist": images(1)}
    second = {"front": images(2) + np.uint8(2)}
    batch = concatenate_frames([first, second])
    assert list(batch) == ["front"]
    np.testing.assert_array_equal(batch["front"][:, 0, 0, 0], [1, 2, 2])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([], "must hold at least one set"),
        ([{"front": images()}, {"wrist": images()}], "must share a view"),
        ([{"front": images()}, {"front": images(1, 5, 6)}], "'front' must have one size"),
    ],
)
def test_what_cannot_be_concatenated_is_refused(batch, message):
    with pytest.raises(FrameError, match=message):
        concatenate_frames(batch)


def test_frames_of_the_right_size_are_passed_on_untouched():
    original = images(2)
    assert resize_frames(original, (4, 6)) is original


@given(st.integers(0, 3), st.integers(1, 12), st.integers(1, 12), st.integers(0, 255))
def test_resizing_keeps_count_dtype_and_a_constant_colour(n, height, width, value):
    out = resize_frames(np.full((n, 7, 5, 3), value, np.uint8), (height, width))
    assert out.shape == (n, height, width, 3)
    assert out.dtype == np.uint8
    assert np.all(out == value)


def test_resizing_down_averages_instead_of_skipping_pixels():
    stripes = np.zeros((1, 8, 8, 3), np.uint8)
    stripes[:, :, ::2] = 255
    out = resize_frames(stripes, (2, 2))
    assert np.all(np.abs(out.astype(int) - 127) < 40)
