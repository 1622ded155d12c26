"""Intervals by resampling episodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.metrics.bootstrap import bootstrap


def mean_of(values):
    return lambda drawn: float(np.mean(values[drawn]))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), st.integers(0, 99))
def test_the_interval_holds_the_value_and_lies_within_the_data(rows, seed):
    values = np.array(rows)
    figure = bootstrap(mean_of(values), len(rows), rng=np.random.default_rng(seed), resamples=50)
    assert figure is not None
    assert values.min() - 1e-9 <= figure.low <= figure.value <= figure.high <= values.max() + 1e-9
    assert figure.n == len(rows)


def test_it_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        values = rng.normal(size=40)
        figure = bootstrap(mean_of(values), 40, rng=rng, resamples=200)
        assert figure is not None
        hits += figure.low <= 0.0 <= figure.high
    assert 0.88 <= hits / 200 <= 0.99


def test_frames_of_one_episode_are_drawn_together():
    frames = np.repeat([0.0, 1.0], 1000)  # two episodes of a thousand equal frames

    def mean(drawn):
        return float(np.mean(np.concatenate([frames[1000 * i : 1000 * (i + 1)] for i in drawn])))

    figure = bootstrap(mean, 2, rng=np.random.default_rng(0), resamples=200)
    assert figure is not None
    assert (figure.low, figure.value, figure.high) == (0.0, 0.5, 1.0)


def test_the_seed_decides():
    values = np.arange(9.0)
    first, same = (
        bootstrap(mean_of(values), 9, rng=np.random.default_rng(3), resamples=20) for _ in range(2)
    )
    assert first == same


def test_what_is_not_defined_is_left_out():
    assert bootstrap(lambda drawn: float("nan"), 3, rng=np.random.default_rng(0)) is None
    assert bootstrap(lambda drawn: 0.0, 0, rng=np.random.default_rng(0)) is None

    def only_with_the_first(drawn):
        return float(np.mean(drawn)) if 0 in drawn else float("nan")

    figure = bootstrap(only_with_the_first, 3, rng=np.random.default_rng(0), resamples=100)
    assert figure is not None
    assert np.isfinite([figure.low, figure.high]).all()


def test_as_json():
    figure = bootstrap(lambda drawn: 0.5, 3, rng=np.random.default_rng(0), resamples=2)
    assert figure is not None
    assert figure.as_json() == {"value": 0.5, "low": 0.5, "high": 0.5, "n": 3}


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="`resamples` must be 1 or more"):
        bootstrap(lambda drawn: 0.0, 3, rng=np.random.default_rng(0), resamples=0)
