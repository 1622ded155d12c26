from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kibble.agents.reward_config import READINGS as CONFIGURED
from kibble.rewards.grm.readings import (
    READINGS,
    apply_hop,
    backward_progress,
    consistency_gate,
    hop,
)

unit = st.floats(0.0, 1.0)
units = hnp.arrays(np.float64, 5, elements=unit)


@given(before=units, after=units)
def test_applying_a_hop_gives_the_later_progress(before, after):
    np.testing.assert_allclose(apply_hop(before, hop(before, after)), after, atol=1e-9)


@given(before=units, after=units)
def test_hop_is_bounded_and_has_the_sign_of_the_change(before, after):
    relative = hop(before, after)
    assert (np.abs(relative) <= 1.0).all()
    assert (np.sign(relative) == np.sign(after - before)).all()


@given(before=units, relative=hnp.arrays(np.float64, 5, elements=st.floats(-1.0, 1.0)))
def test_progress_stays_in_range(before, relative):
    after = apply_hop(before, relative)
    assert ((after >= 0.0) & (after <= 1.0)).all()


@given(progress=units)
def test_the_hop_from_the_origin_is_the_progress_and_that_from_the_goal_what_is_missing(progress):
    np.testing.assert_allclose(hop(0.0, progress), progress)
    np.testing.assert_allclose(backward_progress(hop(1.0, progress)), progress, atol=1e-12)


@given(before=units, after=units)
def test_batch_equals_loop_and_inputs_stay(before, after):
    kept = before.copy(), after.copy()
    singles = [float(hop(p, q)) for p, q in zip(before, after, strict=True)]
    np.testing.assert_array_equal(hop(before, after), singles)
    np.testing.assert_array_equal(before, kept[0])
    np.testing.assert_array_equal(after, kept[1])


def test_nothing_left_and_nothing_lost():
    np.testing.assert_array_equal(hop([1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]), [0, 0, -1, 1])


@pytest.mark.parametrize("value", [1.5, -0.5, float("nan")])
def test_progress_outside_its_range_is_named(value):
    with pytest.raises(ValueError, match=r"`before` must lie in \[0, 1\]"):
        hop(value, 0.5)
    with pytest.raises(ValueError, match=r"`after` must lie in \[0, 1\]"):
        hop(0.5, value)


def test_hop_outside_its_range_is_named():
    with pytest.raises(ValueError, match=r"`relative` must lie in \[-1, 1\], got 1.5"):
        apply_hop(0.5, 1.5)


@given(previous=units, forward=units, backward=units, change=units)
def test_the_gate_stays_between_where_it_was_and_where_both_readings_lead(
    previous, forward, backward, change
):
    fused = consistency_gate(previous, forward, backward, change)
    middle = (forward + backward) / 2
    ends = np.stack([previous, previous + (middle - previous + change) / 2])
    assert (fused >= np.clip(ends.min(axis=0), 0, 1) - 1e-9).all()
    assert (fused <= np.clip(ends.max(axis=0), 0, 1) + 1e-9).all()


@given(value=unit, change=st.floats(-1.0, 1.0))
def test_readings_that_agree_halve_the_way_to_them(value, change):
    fused = consistency_gate(0.5, value, value, change)
    assert fused == pytest.approx(np.clip(0.5 + (value - 0.5 + change) / 2, 0, 1))


def test_the_gate_names_what_is_wrong():
    with pytest.raises(ValueError, match="`alpha` must be greater than 0, got 0"):
        consistency_gate(0.5, 0.5, 0.5, 0.0, alpha=0.0)
    with pytest.raises(ValueError, match=r"`forward` must lie in \[0, 1\], got 1.5"):
        consistency_gate(0.5, 1.5, 0.5, 0.0)


def test_the_command_line_knows_the_same_readings():
    assert CONFIGURED == READINGS
