from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.envs.robot.pace import Pace

_THOUGHTS = st.one_of(st.floats(0.0, 0.0249), st.floats(0.0251, 0.5))


@given(st.lists(_THOUGHTS, min_size=1, max_size=30))
def test_actions_never_come_in_a_burst_and_punctual_ones_do_not_drift(thoughts):
    pace, now, previous = Pace(control_dt=0.1, late_after=0.025), 7.0, None
    late = 0
    for number, thought in enumerate(thoughts):
        now += thought
        lateness, due = pace.act(now)
        assert due - now >= 0.1 - 0.025 - 1e-9  # each action has most of its time at least
        if number and thought <= 0.025:
            assert due == pytest.approx(previous + 0.1)
            assert lateness == pytest.approx(thought)
        elif number:
            late += 1
            assert pace.is_late(lateness)
            assert due == pytest.approx(now + 0.1)
        now = previous = due
    assert pace.steps == len(thoughts)
    assert pace.late_steps == late
    assert pace.on_time == pytest.approx(1.0 - late / len(thoughts))


def test_the_first_action_of_an_episode_is_on_time_whenever_it_comes():
    pace = Pace(control_dt=0.1, late_after=0.025)
    assert pace.on_time == 1.0
    pace.act(1.0)
    pace.begin_episode()
    assert pace.act(9.0) == (0.0, 9.1)
    assert pace.on_time == 1.0
