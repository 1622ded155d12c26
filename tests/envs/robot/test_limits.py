from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.envs.robot.limits import cut_acceleration, cut_at_box, cut_speed
from kibble.rewards.errors import ConfigError

_finite = st.floats(-10.0, 10.0)


def test_each_axis_has_its_own_largest_speed():
    cut = cut_speed(np.array([1.0, -1.0, 0.1]), speed=np.array([0.2, 0.3, 0.4]))
    assert cut.tolist() == [0.2, -0.3, 0.1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_velocity_that_is_no_number_is_refused(bad):
    with pytest.raises(ConfigError, match="`velocity` must be finite"):
        cut_speed(np.array([0.0, bad]), speed=np.ones(2))


def test_a_change_of_speed_is_cut_in_both_directions():
    cut = cut_acceleration(
        np.array([1.0, -1.0]), last=np.array([0.2, 0.2]), change=np.array([0.1, np.inf])
    )
    np.testing.assert_allclose(cut, [0.3, -1.0])


@given(
    velocity=_finite,
    place=_finite,
    slack=st.floats(0.0, 1.0),
    low=_finite,
    size=st.floats(0.01, 5.0),
    horizon=st.floats(0.001, 1.0),
    acceleration=st.one_of(st.just(np.inf), st.floats(0.1, 10.0)),
)
def test_within_the_horizon_the_box_is_not_left(
    velocity, place, slack, low, size, horizon, acceleration
):
    high = low + size
    (cut,) = cut_at_box(
        np.array([velocity]),
        reach_low=np.array([place - slack]),
        reach_high=np.array([place + slack]),
        low=np.array([low]),
        high=np.array([high]),
        horizon=horizon,
        acceleration=np.array([acceleration]),
    )
    assert cut * velocity >= 0.0
    assert abs(cut) <= abs(velocity)
    after = cut * horizon
    assert place + slack + max(after, 0.0) <= max(high, place + slack) + 1e-9
    assert place - slack + min(after, 0.0) >= min(low, place - slack) - 1e-9
    if low + slack + 10.0 * horizon < place < high - slack - 10.0 * horizon and np.isinf(
        acceleration
    ):
        assert cut == velocity  # far from the bounds nothing is cut


def test_from_beyond_the_bound_only_the_way_back_is_open():
    box = {
        "reach_low": np.array([1.2]),
        "reach_high": np.array([1.2]),
        "low": np.array([0.0]),
        "high": np.array([1.0]),
        "horizon": 0.1,
        "acceleration": np.array([np.inf]),
    }
    assert cut_at_box(np.array([0.3]), **box).tolist() == [0.0]
    assert cut_at_box(np.array([-0.3]), **box).tolist() == [-0.3]


def test_the_speed_towards_a_bound_leaves_room_to_brake():
    (cut,) = cut_at_box(
        np.array([5.0]),
        reach_low=np.array([0.0]),
        reach_high=np.array([0.0]),
        low=np.array([-np.inf]),
        high=np.array([0.5]),
        horizon=0.01,
        acceleration=np.array([1.0]),
    )
    assert cut == pytest.approx(1.0)  # v²/2a is half a metre
