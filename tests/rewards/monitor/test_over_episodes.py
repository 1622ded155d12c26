"""Measures of many episodes: false successes, trends, and pay beyond any potential."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kibble.rewards.monitor.over_episodes import (
    WatchedEpisode,
    false_successes,
    trend,
    unearned_pay,
)
from kibble.rewards.shaping import shaping_term

FAILED = WatchedEpisode(
    number=0,
    slot=0,
    step=10,
    length=10,
    succeeded=False,
    judged=0.1,
    progress=0.2,
    task_return=0.0,
    model_return=0.0,
    unearned=0.0,
    falls=0,
    still=0,
    disagreement=math.nan,
)


def test_only_judged_failures_count_towards_false_successes():
    episodes = [FAILED] * 6 + [replace(FAILED, judged=0.9)] * 2
    others = [
        replace(FAILED, succeeded=True, judged=0.9),
        replace(FAILED, succeeded=None, judged=0.9),
        replace(FAILED, judged=math.nan),
    ]
    found = false_successes(episodes + others)
    assert (found.failures, found.judged, found.rate) == (8, 2, 0.25)
    assert found.low == pytest.approx(0.0715, abs=1e-3)  # Wilson, 2 of 8
    assert found.high == pytest.approx(0.5907, abs=1e-3)


def test_without_failures_nothing_is_known():
    found = false_successes([replace(FAILED, succeeded=True)])
    assert (found.failures, found.low, found.high) == (0, 0.0, 1.0)
    assert math.isnan(found.rate)


@given(arrays(np.float64, 20, elements=st.floats(-5, 5)), st.floats(0.5, 5.0))
def test_a_trend_changes_its_sign_with_time(values, rise):
    there, back = trend(values.tolist()), trend(values[::-1].tolist())
    assert there.z == pytest.approx(-back.z)
    shifted = np.concatenate([values[:10], values[10:] + rise])
    assert trend(shifted.tolist()).after - there.after == pytest.approx(rise)


def test_a_step_without_noise_is_certain_and_nothing_is_nothing():
    assert trend([0.0] * 5 + [1.0] * 5).z == math.inf
    assert trend([1.0] * 5 + [0.0] * 5).z == -math.inf
    assert trend([1.0] * 10).z == 0.0
    assert trend([1.0, 2.0]).z == 0.0  # too few to say


@given(
    phi=arrays(np.float64, 12, elements=st.floats(-5, 5)),
    weights=arrays(np.float64, 12, elements=st.floats(0, 2)),
    gamma=st.floats(0.0, 1.0),
    terminated=st.booleans(),
)
def test_potential_shaping_pays_nothing_unearned_whatever_the_model_reads(
    phi, weights, gamma, terminated
):
    flags = np.zeros(11, np.bool_)
    flags[-1] = terminated
    terms = shaping_term(
        phi[:-1], phi[1:], flags, gamma=gamma, weight=weights[:-1], next_weight=weights[1:]
    )
    paid = float(np.sum(gamma ** np.arange(11) * terms))
    last = 0.0 if terminated else gamma**11 * weights[-1] * phi[-1]
    assert unearned_pay(paid, weights[0] * phi[0], last) == pytest.approx(0.0, abs=1e-9)


def test_hovering_under_an_absolute_reward_is_unearned():
    phi, flags = np.full(41, 0.8), np.zeros(40, np.bool_)
    terms = shaping_term(phi[:-1], phi[1:], flags, gamma=0.9, mode="absolute")
    paid = float(np.sum(0.9 ** np.arange(40) * terms))
    assert unearned_pay(paid, 0.8, 0.9**40 * 0.8) > 8.0
