"""Instructions crossed with trajectories."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kibble.rewards.metrics.confusion import confusion_matrix, diagonal_margin

READINGS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 1)), max_size=20)


@given(READINGS)
def test_cells_are_means(rows):
    matrix = confusion_matrix(*map(list, zip(*rows, strict=True)), size=3) if rows else None
    for i in range(3):
        for j in range(3):
            values = [reading for a, b, reading in rows if (a, b) == (i, j)]
            if matrix is not None and values:
                assert matrix[i, j] == pytest.approx(np.mean(values))
            elif matrix is not None:
                assert np.isnan(matrix[i, j])


@given(st.integers(2, 5), st.floats(0, 1))
def test_a_model_that_does_not_listen_has_no_margin(size, value):
    assert diagonal_margin(np.full((size, size), value)) == pytest.approx(0.0)


@given(arrays(np.float64, (3, 3), elements=st.floats(0, 1)), st.permutations(range(3)))
def test_the_order_of_tasks_does_not_matter(matrix, order):
    turned = matrix[np.ix_(order, order)]
    assert diagonal_margin(turned) == pytest.approx(diagonal_margin(matrix))


def test_perfect_and_empty():
    assert diagonal_margin(np.eye(4)) == 1.0
    assert np.isnan(diagonal_margin([[0.5]]))
    assert diagonal_margin([[0.5, np.nan], [0.1, np.nan]]) == pytest.approx(0.4)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"must lie in \[0, 2\)"):
        confusion_matrix([2], [0], [0.5], size=2)
    with pytest.raises(ValueError, match="must have one shape"):
        confusion_matrix([1, 0], [0], [0.5], size=2)
    with pytest.raises(ValueError, match="must be square"):
        diagonal_margin(np.zeros((2, 3)))
