"""Interquartile means and intervals against numbers worked out by hand and by rliable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kibble.agents.sweep.estimates import (
    Estimates,
    interquartile_mean,
    probability_of_improvement,
)

SCORES = arrays(np.float64, st.integers(2, 6), elements=st.floats(0.0, 1.0, width=16))
FEW = Estimates(resamples=200)


def test_iqm_drops_a_quarter_at_either_end() -> None:
    # Eight runs of two tasks, sorted: 0 .1 | .2 .3 .4 .6 | .9 1. The middle four have mean .375.
    first, second = np.array([1.0, 0.2, 0.0, 0.6]), np.array([0.3, 0.9, 0.1, 0.4])
    assert float(interquartile_mean(first, second)) == pytest.approx(0.375)
    assert Estimates().iqm([first, second]).value == pytest.approx(0.375)


def test_of_three_runs_nothing_is_dropped() -> None:
    assert Estimates().iqm([np.array([0.1, 0.2, 0.9])]).value == pytest.approx(0.4)


def test_interval_of_two_runs_by_hand() -> None:
    # Means of two draws from {0, 1}: 0, 1/2, 1 with 1/4, 1/2, 1/4; the 2.5 % tails are 0 and 1.
    estimate = Estimates().iqm([np.array([0.0, 1.0])])
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.0, 1.0)


def test_numbers_are_rliables() -> None:
    # rliable 1.2.0, library.get_interval_estimates with 20,000 and, for the probability, 2,000
    # resamples, on the same (runs, tasks) arrays.
    rng = np.random.default_rng(0)
    a, b = rng.random((5, 3)), 0.5 * rng.random((5, 3))
    ours, theirs = Estimates().iqm(list(a.T)), (0.57625094, 0.30842958, 0.77197353)
    assert (ours.value, ours.low, ours.high) == pytest.approx(theirs, abs=0.01)
    ours, theirs = Estimates().iqm(list(b.T)), (0.27315212, 0.19275956, 0.35797934)
    assert (ours.value, ours.low, ours.high) == pytest.approx(theirs, abs=0.01)
    ours, theirs = Estimates().improvement(list(a.T), list(b.T)), (0.70666667, 0.45333333, 0.907)
    assert (ours.value, ours.low, ours.high) == pytest.approx(theirs, abs=0.04)


def test_strata_keep_the_tasks_apart() -> None:
    # Each task's runs agree, so no resample can differ; a pooled bootstrap would.
    estimate = Estimates().iqm([np.zeros(4), np.ones(4)])
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)


def test_tasks_may_have_different_numbers_of_runs() -> None:
    estimate = Estimates().iqm([np.array([0.0, 0.2, 0.4]), np.array([0.6, 0.8])])
    assert estimate.value == pytest.approx(0.4)  # of five, one is dropped at either end
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 0.4 < estimate.high


def test_a_single_run_has_no_interval() -> None:
    estimate = Estimates().iqm([np.array([0.25]), np.array([0.75, 0.75])])
    assert (estimate.low, estimate.high) == (None, None)
    value, low, high = Estimates().iqm_curve([np.array([[0.0, 0.5, 1.0]])])
    assert value.tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_curve_is_the_estimate_of_each_of_its_points() -> None:
    curves = np.random.default_rng(1).random((5, 4))  # (R, T)
    value, low, high = Estimates().iqm_curve([curves])
    for index in range(4):
        point = Estimates().iqm([curves[:, index]])
        assert (value[index], low[index], high[index]) == (point.value, point.low, point.high)


def test_same_seed_same_interval() -> None:
    scores = [np.random.default_rng(2).random(6)]
    assert Estimates(seed=3).iqm(scores) == Estimates(seed=3).iqm(scores)


def test_probability_of_improvement_by_hand() -> None:
    # Task 1: (.5 > .2, .5 = .5) and (.9 > .2, .9 > .5): 3.5 of 4. Task 2: 0 of 1.
    better = [np.array([0.5, 0.9]), np.array([0.1])]
    worse = [np.array([0.2, 0.5]), np.array([0.3])]
    assert float(probability_of_improvement(better, worse)) == pytest.approx((3.5 / 4 + 0) / 2)


@given(SCORES, SCORES)
def test_one_beats_the_other_or_the_other_the_one(x: np.ndarray, y: np.ndarray) -> None:
    there, back = probability_of_improvement([x], [y]), probability_of_improvement([y], [x])
    assert float(there + back) == pytest.approx(1.0)


@given(st.lists(SCORES, min_size=1, max_size=3))
def test_estimates_lie_among_the_scores(tasks: list[np.ndarray]) -> None:
    estimate = FEW.iqm(tasks)
    assert estimate.low is not None
    assert estimate.high is not None
    least, most = min(map(np.min, tasks)), max(map(np.max, tasks))
    for part in (estimate.low, estimate.value, estimate.high):
        assert least - 1e-9 <= part <= most + 1e-9
    assert estimate.low <= estimate.high
