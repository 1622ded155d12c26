"""Moments at a fixed rate: the nearest to each tick, whatever the cameras' own rate."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from kibble.agents.ros.sampled_moments import RateSampler
from kibble.rewards.ros.bags.moments import Moment


def sampled(seconds, rate):
    """Return the moments given, in s, and how many were far."""
    sampler = RateSampler(rate)
    moments = [Moment(stamp=round(s * 1e9), time=0, images={}) for s in seconds]
    return [moment.stamp / 1e9 for moment in sampler.sample(moments)], sampler.far


def test_at_its_own_rate_nothing_changes():
    seconds = [n / 10 for n in range(8)]
    assert sampled(seconds, 10.0) == (seconds, 0)


def test_jitter_does_no_harm():
    seconds = [0.0, 0.104, 0.196, 0.3, 0.397]
    assert sampled(seconds, 10.0) == (seconds, 0)


def test_of_a_faster_camera_the_nearest_are_taken():
    found, far = sampled([n / 30 for n in range(31)], 10.0)
    np.testing.assert_allclose(found, np.arange(11) / 10, atol=1e-9)
    assert far == 0


def test_of_a_slower_camera_images_are_held_and_counted():
    assert sampled([0.0, 1.0], 4.0) == ([0.0, 0.0, 0.0, 1.0, 1.0], 3)


def test_a_single_moment_is_a_row_and_nothing_is_nothing():
    assert sampled([3.0], 10.0) == ([3.0], 0)
    assert sampled([], 10.0) == ([], 0)


@given(
    gaps=st.lists(st.floats(0.001, 0.3), max_size=40),
    rate=st.sampled_from([5.0, 10.0, 30.0]),
)
def test_every_tick_gets_the_nearest_moment(gaps, rate):
    seconds = np.concatenate([[0.0], np.cumsum(gaps)])
    found, _ = sampled(seconds, rate)
    ticks = np.arange(len(found)) / rate
    nearest = np.abs(ticks[:, None] - seconds).min(axis=1)
    np.testing.assert_allclose(np.abs(np.asarray(found) - ticks), nearest, atol=1e-6)
    assert abs(seconds[-1] - ticks[-1]) <= 0.5 / rate + 1e-6
