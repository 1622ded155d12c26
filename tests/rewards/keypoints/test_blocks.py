from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.blocks import to_blocks


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 20), st.integers(1, 8))
def test_tiles_do_not_depend_on_the_size_of_the_picture(u, v, grid, scale):
    small = to_blocks(np.array([u * 64, v * 48]), size=(48, 64), grid=grid)
    pixels = np.array([u * 64, v * 48]) * scale
    large = to_blocks(pixels, size=(48 * scale, 64 * scale), grid=grid)
    assert np.abs(small - large).max() <= 1.0  # by rounding at an edge
    assert ((small >= 0) & (small <= grid - 1)).all()


def test_what_is_not_known_has_no_tile():
    tiles = to_blocks(np.array([[1.0, 1.0], [np.nan, 1.0]]), size=(96, 96), grid=4)
    assert np.isnan(tiles).tolist() == [[False, False], [True, False]]


def test_one_tile_is_no_grid():
    with pytest.raises(ConfigError, match="`grid` must be at least 2"):
        to_blocks(np.zeros(2), size=(96, 96), grid=1)
