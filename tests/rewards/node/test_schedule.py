from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.node.schedule import Schedule


@given(
    rate=st.floats(0.1, 1000.0),
    delays=st.lists(st.floats(0.0, 5.0), max_size=30),
    begin=st.floats(0.0, 1e6),
)
def test_moments_lie_on_a_grid_and_are_never_made_up_for_in_a_burst(rate, delays, begin):
    schedule, period = Schedule(rate, begin), 1.0 / rate
    now = begin
    for served, delay in enumerate(delays, start=1):
        left = schedule.left(now)
        assert 0.0 <= left <= period * (1 + 1e-6) + 1e-6
        now += left + delay * period
        schedule.passed(now)
        after = schedule.left(now)
        assert after > 0.0
        due = (now + after - begin) * rate
        assert due == pytest.approx(served + schedule.missed + 1, abs=1e-3)


def test_who_is_late_leaves_out_what_was_missed():
    schedule = Schedule(10.0, 0.0)
    schedule.passed(0.35)
    assert schedule.missed == 2
    assert schedule.left(0.35) == pytest.approx(0.05)
    schedule.change(2.0, 0.35)
    assert schedule.left(0.35) == pytest.approx(0.5)
    assert schedule.left(99.0) == 0.0
