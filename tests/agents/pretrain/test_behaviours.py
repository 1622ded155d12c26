"""What the hand does while training data is recorded."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.agents.pretrain.behaviours import KINDS, SegmentedBehaviour


def expert_towards(log):
    def make(goal, rng):
        log.append(goal)
        return lambda: np.array([1.0, 0.0, 0.0, -1.0], np.float32)

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_actions_are_legal_and_the_seed_decides(kind):
    def actions(seed):
        behaviour = SegmentedBehaviour(
            expert_towards([]), goals=3, goal=1, rng=np.random.default_rng(seed), kind=kind
        )
        return np.stack([behaviour() for _ in range(150)])

    first = actions(0)
    assert first.shape == (150, 4)
    assert first.dtype == np.float32
    assert (np.abs(first) <= 1.0).all()
    np.testing.assert_array_equal(first, actions(0))
    assert not np.array_equal(first, actions(1))


def test_experts_aim_at_the_goal_and_wrong_ones_at_another():
    for seed in range(5):
        aims: list[int] = []
        for kind in ("expert", "wrong_goal"):
            SegmentedBehaviour(
                expert_towards(aims), goals=3, goal=1, rng=np.random.default_rng(seed), kind=kind
            )
        assert aims[0] == 1
        assert aims[1] != 1


def test_aimless_behaviour_asks_no_expert():
    aims: list[int] = []
    behaviour = SegmentedBehaviour(
        expert_towards(aims), goals=3, goal=1, rng=np.random.default_rng(0), kind="aimless"
    )
    for _ in range(100):
        behaviour()
    assert aims == []
