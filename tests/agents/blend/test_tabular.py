"""The blend without sampling: its gradient, and what it does to a good and a bad reward."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kibble.agents.blend.tabular import learn_blend, policy_gradient, softmax, start_return
from kibble.rewards.tabular import FiniteMDP, solve

GAMMA = 0.9
CELLS = 7
PROGRESS = np.arange(CELLS) / (CELLS - 1)


def corridor() -> FiniteMDP:
    """Seven cells; from the fourth the right end is three steps away and pays 1."""
    step = np.zeros((CELLS, 2, CELLS))
    for cell in range(CELLS):
        step[cell, 0, max(cell - 1, 0)] = 1.0
        step[cell, 1, min(cell + 1, CELLS - 1)] = 1.0
    reward = np.zeros((CELLS, 2, CELLS))
    reward[:-1, :, -1] = 1.0
    return FiniteMDP(
        transition=step,
        reward=reward,
        terminal=np.arange(CELLS) == CELLS - 1,
        start=np.eye(CELLS)[3],
    )


def paid_in(cells: np.ndarray) -> np.ndarray:
    """A reward (S, A, S) for each cell that is reached."""
    return np.broadcast_to(cells, (CELLS, 2, CELLS)).copy()


HONEST, ADVERSARIAL = paid_in(PROGRESS - 1.0), paid_in(1.0 - PROGRESS)
BEST = float(corridor().start @ solve(corridor(), gamma=GAMMA).value)


def with_reward(reward: np.ndarray) -> FiniteMDP:
    mdp = corridor()
    return FiniteMDP(
        transition=mdp.transition, reward=reward, terminal=mdp.terminal, start=mdp.start
    )


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_policy_gradient_is_that_of_finite_differences(seed):
    rng = np.random.default_rng(seed)
    logits, direction = rng.normal(size=(2, CELLS, 2))
    mdp, step = with_reward(rng.normal(size=(CELLS, 2, CELLS))), 1e-5
    slope = (
        start_return(mdp, logits + step * direction, gamma=GAMMA)
        - start_return(mdp, logits - step * direction, gamma=GAMMA)
    ) / (2.0 * step)
    exact = float((policy_gradient(mdp, logits, gamma=GAMMA) * direction).sum())
    assert exact == pytest.approx(slope, rel=1e-5, abs=1e-7)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_outer_step_is_the_derivative_through_one_inner_step(seed):
    rng = np.random.default_rng(seed)
    auxiliary, mdp, rate = rng.normal(size=(CELLS, 2, CELLS)), corridor(), 0.3
    logits = np.zeros((CELLS, 2))

    def primary_after(weight: float) -> float:
        blended = with_reward(mdp.reward + weight * auxiliary)
        after = logits + rate * policy_gradient(blended, logits, gamma=GAMMA)
        return start_return(mdp, after, gamma=GAMMA)

    slope = (primary_after(0.5 + 1e-5) - primary_after(0.5 - 1e-5)) / 2e-5
    learned = learn_blend(
        mdp, auxiliary, gamma=GAMMA, steps=1, rate=rate, weight=0.5, weight_rate=1e-3
    )
    assert (learned.weights[1] - 0.5) / 1e-3 == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_an_adversarial_reward_is_switched_off_and_a_good_one_is_kept():
    settings = {"gamma": GAMMA, "steps": 500, "rate": 0.5}
    plain = learn_blend(corridor(), ADVERSARIAL, weight_rate=0.0, **settings)
    assert plain.returns[-1] < 0.01 * BEST  # paid in full it is all that is left
    switched = learn_blend(corridor(), ADVERSARIAL, weight_rate=10.0, **settings)
    assert switched.weights[-1] == 0.0
    assert switched.returns[-1] > 0.98 * BEST
    kept = learn_blend(corridor(), HONEST, weight_rate=10.0, **settings)
    assert kept.weights[-1] == 1.0
    sparse = learn_blend(corridor(), 0.0 * HONEST, weight_rate=0.0, **settings)
    assert kept.returns[5] > 1.5 * sparse.returns[5]  # and it helps
    assert kept.returns[-1] > 0.99 * BEST


def test_an_adversarial_potential_cannot_mislead_in_the_limit():
    shaping = GAMMA * np.where(np.arange(CELLS) == CELLS - 1, 0.0, 1.0 - PROGRESS)[None, None, :]
    shaping = paid_in(shaping[0, 0]) - (1.0 - PROGRESS)[:, None, None]
    learned = learn_blend(corridor(), shaping, gamma=GAMMA, steps=500, rate=0.5, weight_rate=0.0)
    assert learned.returns[-1] > 0.98 * BEST


def test_softmax_does_not_overflow():
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0]])), [[1.0, 0.0]])
