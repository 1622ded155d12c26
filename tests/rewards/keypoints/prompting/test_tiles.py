"""Tiles and pixels belong together in both directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.prompting.lattice import lattice_points
from kibble.rewards.keypoints.prompting.tiles import Tiles

GRIDS = st.builds(Tiles, columns=st.integers(1, 26), rows=st.integers(1, 26))
SIZES = st.tuples(st.integers(26, 500), st.integers(26, 500))


@given(GRIDS, SIZES)
def test_the_middle_of_a_tile_lies_in_it(tiles, size):
    for name in tiles.names:
        u, v = tiles.centre(name, size)
        assert 0 < u < size[1]
        assert 0 < v < size[0]
        assert tiles.name_at((u, v), size) == name
    assert len(set(tiles.names)) == tiles.columns * tiles.rows


def test_columns_are_lettered_from_the_left_and_rows_numbered_from_the_bottom():
    tiles = Tiles()
    assert tiles.names[:6] == ("a1", "b1", "c1", "d1", "e1", "a2")
    assert tiles.name_at((0.0, 95.9), (96, 96)) == "a1"
    assert tiles.name_at((95.9, 0.0), (96, 96)) == "e5"
    assert tiles.name_at((-4.0, 200.0), (96, 96)) == "a1"


@pytest.mark.parametrize("name", ["", "a0", "a6", "f1", "A1", "1a", "a01", "target"])
def test_an_unknown_tile_is_named(name):
    with pytest.raises(ConfigError, match=f"one of a1 to e5, got '{name}'"):
        Tiles().centre(name, (96, 96))


@pytest.mark.parametrize("sides", [(0, 5), (5, 0), (27, 5)])
def test_a_grid_has_letters_for_its_columns(sides):
    with pytest.raises(ConfigError, match="1 to 26 columns and rows"):
        Tiles(columns=sides[0], rows=sides[1])


@given(SIZES, st.integers(1, 60))
def test_a_lattice_is_even_and_no_larger_than_asked(size, count):
    points = lattice_points(size, count)
    assert 1 <= len(points) <= count
    assert ((points > 0) & (points < (size[1], size[0]))).all()
    np.testing.assert_allclose(points.mean(axis=0), (size[1] / 2, size[0] / 2))
    assert len(np.unique(points, axis=0)) == len(points)


def test_a_lattice_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="`count` must be at least 1, got 0"):
        lattice_points((96, 96), 0)
