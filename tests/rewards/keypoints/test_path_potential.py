from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.path_potential import (
    closeness,
    path_potential,
    success_probability,
)

metres = st.floats(0.0, 5.0)


@given(metres, metres, st.floats(0.001, 0.1), st.floats(1.1, 50.0))
def test_closeness_falls_with_the_distance(one, other, tolerance, factor):
    length = tolerance * factor
    near, far = (closeness(d, length=length, tolerance=tolerance) for d in sorted((one, other)))
    assert 0.0 <= far <= near <= 1.0


@given(st.floats(0.001, 0.1), st.floats(1.1, 50.0))
def test_closeness_is_1_within_the_tolerance_and_0_from_the_length_on(tolerance, factor):
    length = tolerance * factor
    assert closeness(tolerance, length=length, tolerance=tolerance) == 1.0
    assert closeness(length, length=length, tolerance=tolerance) == 0.0
    assert closeness(2 * length, length=length, tolerance=tolerance) == 0.0


def test_closeness_has_no_corner_at_the_tolerance():
    just, more = (1 - closeness(0.02 + d, length=0.2, tolerance=0.02) for d in (1e-4, 2e-4))
    assert more / just == pytest.approx(4.0, rel=0.05)  # it falls as a parabola


def test_closeness_does_not_depend_on_the_unit():
    in_metres = closeness(0.05, length=0.2, tolerance=0.02)
    assert closeness(50.0, length=200.0, tolerance=20.0) == pytest.approx(in_metres)


@pytest.mark.parametrize(("length", "tolerance"), [(0.02, 0.02), (0.1, 0.0), (0.1, float("nan"))])
def test_a_length_must_be_above_the_tolerance(length, tolerance):
    with pytest.raises(ConfigError, match="`tolerance` must lie between 0 and `length`"):
        closeness(0.1, length=length, tolerance=tolerance)


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1))
def test_a_stage_is_worth_as_much_as_any_other_and_continues_the_one_before(stages, near, more):
    values = [path_potential(k, stages, near) for k in range(stages)]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert path_potential(0, stages, 1.0) == pytest.approx(path_potential(1, stages, 0.0))
    assert path_potential(stages, stages, near) == 1.0
    assert (path_potential(0, stages, near) <= path_potential(0, stages, more)) == (near <= more)


@given(metres, metres)
def test_success_is_likelier_nearer_the_end(one, other):
    near, far = (success_probability(d, tolerance=0.02) for d in sorted((one, other)))
    assert 0.0 <= far <= near <= 1.0
