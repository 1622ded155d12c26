"""Measures of one episode: falls after rises, readings that do not react, disagreement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.monitor.within_episode import (
    count_falls,
    mean_disagreement,
    still_readings,
)

READINGS = st.lists(st.floats(0.0, 1.0), max_size=60)


@pytest.mark.parametrize("laps", [0, 1, 5])
def test_every_lap_is_one_fall(laps):
    lap = [0.1, 0.4, 0.7, 0.9]
    assert count_falls(lap * laps + [0.1], amplitude=0.3) == laps


@given(READINGS)
def test_a_rise_that_never_falls_counts_nothing(readings):
    assert count_falls(sorted(readings), amplitude=0.15) == 0
    assert count_falls(sorted(readings, reverse=True), amplitude=0.15) == 0


@given(st.lists(st.floats(-0.07, 0.07), max_size=200), st.floats(0.1, 0.9))
def test_noise_below_half_the_amplitude_never_counts(noise, true):
    assert count_falls([true + n for n in noise], amplitude=0.15) == 0


@given(READINGS, st.floats(0.05, 0.5))
def test_falls_need_as_much_travel(readings, amplitude):
    travelled = np.abs(np.diff(readings)).sum() if readings else 0.0
    assert 2 * amplitude * count_falls(readings, amplitude=amplitude) <= travelled + 1e-9


@given(READINGS, READINGS)
def test_more_readings_never_take_a_fall_back(readings, later):
    before = count_falls(readings, amplitude=0.15)
    assert count_falls(readings + later, amplitude=0.15) >= before


def test_readings_that_do_not_react_to_motion_are_counted_from_the_newest():
    readings = [0.2, 0.9, 0.5, 0.5, 0.5]
    moved = [math.nan, 0.1, 0.1, 0.1, 0.1]
    assert still_readings(readings, moved, tolerance=0.01, motion=0.02) == 3
    assert still_readings(readings[:2], moved[:2], tolerance=0.01, motion=0.02) == 1


def test_an_agent_that_stands_still_is_no_frozen_model():
    assert still_readings([0.5] * 30, [0.0] * 30, tolerance=0.01, motion=0.02) == 0


def test_no_second_reading_is_no_disagreement():
    assert math.isnan(mean_disagreement([math.nan, math.nan]))
    assert math.isnan(mean_disagreement([]))
    assert mean_disagreement([0.2, 0.4]) == pytest.approx(0.3)
