"""Success never pays less than going on, whatever the potential's scale."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import total
from kibble.rewards.signals import Signals
from kibble.rewards.transforms import ComposedRule, SuccessBonus

TRUE, FALSE = np.ones(1, np.bool_), np.zeros(1, np.bool_)


@given(scale=st.floats(0.1, 20.0), progress=st.floats(0.0, 1.0), gamma=st.floats(0.1, 1.0))
def test_success_pays_at_least_as_much_as_any_step_from_the_same_state(scale, progress, gamma):
    rule = ComposedRule(gamma=gamma, payments=(SuccessBonus(value=gamma * scale),))
    phi = np.array([scale * progress])
    ends = dataclasses.replace(Signals.sparse(np.ones(1), TRUE, FALSE), phi=phi, next_phi=phi)
    best = np.array([scale])  # as near to success as can be, without it
    goes_on = dataclasses.replace(
        Signals.sparse(np.zeros(1), FALSE, FALSE), phi=phi, next_phi=best
    )
    assert total(rule(ends)) >= total(rule(goes_on)) + 1.0 - 1e-9


def test_the_bonus_is_paid_with_the_reward_at_the_end_alone():
    rule = ComposedRule(gamma=0.9, payments=(SuccessBonus(value=3.0),))
    task = np.array([0.0, 1.0, 1.0, 0.0])
    terminated = np.array([False, False, True, True])
    terms = rule(Signals.sparse(task, terminated, ~terminated))
    assert terms["success_bonus"].tolist() == [0.0, 0.0, 3.0, 0.0]
    assert terms["task"].tolist() == task.tolist()


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_bonus_that_is_none_is_refused(value):
    with pytest.raises(ShapingError, match="`value` must be finite and at least 0"):
        SuccessBonus(value=value)
