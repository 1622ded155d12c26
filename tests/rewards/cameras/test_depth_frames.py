"""Depth that travels as pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kibble.rewards.cameras.depth_frames import LARGEST_DEPTH, pack_depth, unpack_depth
from kibble.rewards.errors import FrameError

depths = arrays.arrays(
    np.float64,
    arrays.array_shapes(min_dims=2, max_dims=4, max_side=4),
    elements=st.floats(1e-4, 50.0),
)


@given(depth=depths)
def test_depth_comes_back_to_half_a_unit(depth):
    frames = pack_depth(depth)
    assert frames.dtype == np.uint8
    assert frames.shape == (*depth.shape, 3)
    np.testing.assert_allclose(unpack_depth(frames), depth, atol=5.1e-5, rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0, 4e-5, LARGEST_DEPTH + 1])
def test_no_reading_comes_back_as_nan(value):
    depth = np.array([[1.0, value]], np.float32)
    np.testing.assert_array_equal(pack_depth(depth)[0, 1], [0, 0, 0])
    np.testing.assert_array_equal(np.isnan(unpack_depth(pack_depth(depth))), [[False, True]])


def test_the_bytes_are_tenths_of_millimetres_most_significant_first():
    units = 3 * 2**16 + 2 * 2**8 + 1
    np.testing.assert_array_equal(pack_depth(np.array([[units * 1e-4]]))[0, 0], [3, 2, 1])
    assert np.isfinite(unpack_depth(np.full((1, 1, 3), 255, np.uint8))).all()
    assert pack_depth(np.array([[LARGEST_DEPTH]])).min() == 255


@pytest.mark.parametrize("frames", [np.zeros((2, 2, 3), np.float32), np.zeros((2, 2), np.uint8)])
def test_what_is_no_depth_frame_is_refused(frames):
    with pytest.raises(FrameError, match=r"must be uint8 of shape \(\.\.\., H, W, 3\), got"):
        unpack_depth(frames)
