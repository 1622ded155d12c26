"""Value-order correlation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kibble.rewards.metrics.ordering import value_order_correlation

READINGS = arrays(np.float64, st.integers(0, 30), elements=st.floats(0.0, 1.0, width=16))


@given(READINGS)
def test_reversal_turns_the_sign(progress):
    forward = value_order_correlation(progress)
    assert -1.0 <= forward <= 1.0
    assert value_order_correlation(progress[::-1]) == pytest.approx(-forward, abs=1e-12)


@given(READINGS)
def test_only_the_order_counts(progress):
    bent = np.arctan(3.0 * progress) - 7.0
    orders = [value_order_correlation(values, flat=0.0) for values in (bent, progress)]
    assert orders[0] == pytest.approx(orders[1])


def test_rounding_has_no_order():
    assert value_order_correlation(0.5 + 1e-5 * np.arange(9)) == 0.0
    assert value_order_correlation(0.5 + 1e-5 * np.arange(9), flat=1e-6) == pytest.approx(1.0)


@given(st.integers(2, 40))
def test_a_counter_has_the_best_order_whatever_it_sees(steps):
    assert value_order_correlation(np.arange(steps)) == pytest.approx(1.0)


@given(st.integers(0, 40), st.floats(0.0, 1.0))
def test_a_constant_has_no_order(steps, value):
    assert value_order_correlation(np.full(steps, value)) == 0.0


def test_shuffled_time_has_no_order_on_average():
    rng = np.random.default_rng(0)
    mean = np.mean([value_order_correlation(rng.permutation(20)) for _ in range(2000)])
    assert abs(mean) < 0.02


def test_nan_is_refused():
    with pytest.raises(ValueError, match="must be finite"):
        value_order_correlation([0.0, np.nan])
