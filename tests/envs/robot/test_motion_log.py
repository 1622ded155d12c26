from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.envs.robot.motion_log import MotionLog


def _log():
    log = MotionLog(1, now=0.0, keep=10.0)
    for now, velocity in ((1.0, 0.5), (2.0, -0.25), (4.0, 0.0)):
        log.add(now, np.array([velocity]))
    return log


def test_the_mean_is_that_of_what_was_in_force():
    log = _log()
    assert log.mean(1.0, 2.0).tolist() == [0.5]
    assert log.mean(0.0, 4.0).tolist() == [0.0]  # 0 + 0.5 - 0.5
    assert log.mean(1.5, 2.5).tolist() == [0.125]
    assert log.mean(5.0, 5.0).tolist() == [0.0]


def test_ways_up_do_not_make_up_for_ways_down():
    down, up = _log().extents(0.0, 4.0)
    assert (down.tolist(), up.tolist()) == ([-0.5], [0.5])
    down, up = _log().extents(1.5, 3.0)
    assert (down.tolist(), up.tolist()) == ([-0.25], [0.25])


def test_what_is_long_over_is_forgotten_and_what_was_in_force_then_is_not():
    log = MotionLog(1, now=0.0, keep=1.0)
    for step in range(100):
        log.add(step * 0.1, np.array([float(step)]))
    assert log.mean(8.95, 9.05).tolist() == pytest.approx([89.5])


@given(
    st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(-2.0, 2.0)), max_size=20),
    st.floats(0.0, 10.0),
    st.floats(0.0, 3.0),
    st.floats(0.0, 1.0),
)
def test_a_robot_that_does_a_share_of_it_is_within_the_extents(moves, since, longer, share):
    log, now, place, begun = MotionLog(1, now=0.0, keep=100.0), 0.0, 0.0, 0.0
    velocity = 0.0
    spans = []
    for seconds, wanted in moves:
        spans.append((now, now + seconds, velocity))
        now += seconds
        velocity = wanted
        log.add(now, np.array([velocity]))
    until = max(now, since) + longer
    spans.append((now, until, velocity))
    for begun, end, speed in spans:
        place += share * speed * max(0.0, end - max(begun, since))
    down, up = log.extents(since, until)
    assert down[0] - 1e-9 <= place <= up[0] + 1e-9
