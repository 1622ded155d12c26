"""Smoothers: their bounds on noise and lag, and exact telescoping of what they give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kibble.rewards.errors import ShapingError
from kibble.rewards.shaping import shaping_term
from kibble.rewards.smoothing import (
    Ema,
    Hysteresis,
    RunningMedian,
    Smoother,
    make_smoother,
)

SMOOTHERS = [Ema(lag=2.0), RunningMedian(lag=2), Hysteresis(band=0.1)]
READINGS = arrays(np.float64, st.integers(2, 40), elements=st.floats(0.0, 1.0))


def smoothed(smoother: Smoother, readings: np.ndarray) -> np.ndarray:
    memory = smoother.begin(float(readings[0]))
    values = [memory[0]]
    for reading in readings[1:]:
        memory = smoother.step(memory, float(reading))
        values.append(memory[0])
    return np.array(values)


@pytest.mark.parametrize("smoother", SMOOTHERS)
@given(readings=READINGS, gamma=st.floats(0.0, 1.0))
def test_shaping_by_a_smoothed_potential_telescopes_exactly(smoother, readings, gamma):
    """One Phi per frame, used at both of its ends: a dynamic potential (Devlin, Kudenko 2012)."""
    phi = 5.0 * (smoothed(smoother, readings) - 1.0)
    terms = shaping_term(phi[:-1], phi[1:], np.zeros(len(phi) - 1, np.bool_), gamma=gamma)
    steps = len(terms)
    discounted = float(np.sum(gamma ** np.arange(steps) * terms))
    assert discounted == pytest.approx(gamma**steps * phi[-1] - phi[0], abs=1e-9)


@pytest.mark.parametrize("smoother", SMOOTHERS)
@given(readings=READINGS, later=READINGS)
def test_smoothing_is_causal_and_stays_within_the_range_of_the_readings(smoother, readings, later):
    values = smoothed(smoother, readings)
    both = smoothed(smoother, np.concatenate([readings, later]))
    np.testing.assert_array_equal(both[: len(values)], values)
    assert (values >= readings.min() - 1e-12).all()
    assert (values <= readings.max() + 1e-12).all()
    assert values[0] == readings[0]


@pytest.mark.parametrize("smoother", [Ema(lag=0.0), RunningMedian(lag=0), Hysteresis(band=0.0)])
@given(readings=READINGS)
def test_the_weakest_smoother_changes_nothing(smoother, readings):
    np.testing.assert_allclose(smoothed(smoother, readings), readings, rtol=0, atol=1e-15)


@pytest.mark.parametrize("smoother", [Ema(lag=3.0), RunningMedian(lag=3)])
def test_a_steady_rise_is_followed_lag_readings_late(smoother):
    slope = 1.0 / 200
    readings = slope * np.arange(200)
    lateness = (readings - smoothed(smoother, readings)) / slope
    np.testing.assert_allclose(lateness[100:], 3.0, rtol=1e-9)
    assert (lateness <= 3.0 + 1e-9).all()


@pytest.mark.parametrize("lag", [1.0, 4.0])
def test_the_average_reduces_noise_as_its_formula_says(lag):
    noise = np.random.default_rng(0).normal(0.0, 1.0, 200_000)
    values = smoothed(Ema(lag=lag), noise)[100:]
    memory = lag / (1.0 + lag)
    assert values.var() == pytest.approx((1 - memory) / (1 + memory), rel=0.03)
    assert np.diff(values).var() == pytest.approx(2 * (1 - memory) ** 2 / (1 + memory), rel=0.03)


def test_the_median_ignores_as_many_wild_readings_as_its_lag():
    readings = np.full(50, 0.4)
    readings[[10, 11, 25, 27, 40]] = [1.0, 0.0, 1.0, 1.0, 0.0]
    np.testing.assert_array_equal(smoothed(RunningMedian(lag=2), readings), 0.4)
    assert smoothed(RunningMedian(lag=1), readings).max() == 1.0  # two wild ones of three


@given(
    true=st.floats(0.0, 1.0),
    noise=arrays(np.float64, 60, elements=st.floats(-0.05, 0.05)),
)
def test_hysteresis_comes_to_rest_under_bounded_noise(true, noise):
    values = smoothed(Hysteresis(band=0.05), true + noise)
    assert (np.abs(values - true) <= 0.1 + 1e-12).all()
    moves = np.diff(values)
    assert not (np.any(moves > 1e-12) and np.any(moves < -1e-12))  # no oscillation to be paid for


@given(READINGS)
def test_hysteresis_is_never_further_away_than_its_band(readings):
    values = smoothed(Hysteresis(band=0.1), readings)
    assert (np.abs(values - readings) <= 0.1 + 1e-12).all()
    assert np.abs(np.diff(values)).sum() <= np.abs(np.diff(readings)).sum() + 1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ema(lag=-1.0), "`lag` must be 0 readings or more, got -1.0"),
        (lambda: Ema(lag=np.nan), "`lag` must be 0 readings or more, got nan"),
        (lambda: RunningMedian(lag=-1), "`lag` must be 0 readings or more, got -1"),
        (lambda: Hysteresis(band=-0.1), "`band` must be 0 or more, got -0.1"),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ShapingError, match=message):
        make()


def test_smoothers_are_made_by_name():
    assert make_smoother("none", lag=1.0, band=0.1) is None
    assert make_smoother("ema", lag=2.5, band=0.1) == Ema(lag=2.5)
    assert make_smoother("median", lag=2.0, band=0.1) == RunningMedian(lag=2)
    assert make_smoother("hysteresis", lag=1.0, band=0.1) == Hysteresis(band=0.1)
    with pytest.raises(ShapingError, match=r"`lag` must be whole for a median, got 1.5"):
        make_smoother("median", lag=1.5, band=0.1)
    with pytest.raises(ShapingError, match="`smoothing` must be one of none, ema"):
        make_smoother("kalman", lag=1.0, band=0.1)
