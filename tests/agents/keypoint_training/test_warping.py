"""Pictures and their keypoints are warped alike."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kibble.agents.keypoint_training.warping import draw_warps, warp_pictures, warp_pixels

HEIGHT, WIDTH = 40, 60


def spot(u, v):
    """A picture with one soft bright spot at pixel (u, v)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.exp(-((x - u) ** 2 + (y - v) ** 2) / 8.0)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    u=st.floats(20, 40),
    v=st.floats(13, 27),
    mirrored=st.booleans(),
    turned=st.booleans(),
)
def test_a_spot_is_where_its_warped_pixel_says(seed, u, v, mirrored, turned):
    warps = draw_warps(
        np.array([mirrored]), np.array([turned]), (HEIGHT, WIDTH), np.random.default_rng(seed)
    )
    picture = torch.from_numpy(spot(u, v).astype(np.float32)).expand(1, 3, -1, -1)
    warped = warp_pictures(picture, warps)[0, 0].numpy()
    said = warp_pixels(np.array([[[u, v]]], np.float32), warps)[0, 0]
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    found = np.array([(warped * x).sum(), (warped * y).sum()]) / warped.sum()
    np.testing.assert_allclose(found, said, atol=0.35)


def test_absent_points_stay_absent_and_the_input_unchanged():
    pixels = np.array([[[1.0, 2.0], [np.nan, np.nan]]], np.float32)
    kept = pixels.copy()
    moved = warp_pixels(
        pixels, draw_warps(np.array([True]), np.array([False]), (8, 8), np.random.default_rng(1))
    )
    assert np.isnan(moved[0, 1]).all()
    assert np.isfinite(moved[0, 0]).all()
    np.testing.assert_array_equal(pixels, kept)


def test_only_where_it_may_be_a_picture_is_mirrored():
    may = np.arange(400) % 2 == 0
    warps = draw_warps(may, ~may, (HEIGHT, WIDTH), np.random.default_rng(0))
    mirrored = np.linalg.det(warps[:, :, :2]) < 0
    assert not mirrored[~may].any()
    assert 70 < mirrored[may].sum() < 130


def test_some_pictures_stay_as_they_are():
    warps = draw_warps(
        np.zeros(400, bool), np.zeros(400, bool), (HEIGHT, WIDTH), np.random.default_rng(0)
    )
    still = np.isclose(warps, np.eye(2, 3)).all(axis=(1, 2))
    assert 30 < still.sum() < 100


def test_only_where_up_may_be_anywhere_a_picture_is_turned_far():
    may = np.arange(400) % 2 == 0
    warps = draw_warps(np.zeros(400, bool), may, (HEIGHT, WIDTH), np.random.default_rng(0))
    turn = np.abs(np.arctan2(warps[:, 1, 0], warps[:, 0, 0]))
    assert turn[~may].max() < 0.11
    assert np.quantile(turn[may], 0.9) > 2.5
