"""Exact optima: known answers, brute force, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rewards.proof.processes import random_process

from kibble.rewards.errors import ShapingError
from kibble.rewards.held_queries import hold_between_queries
from kibble.rewards.tabular import (
    FiniteMDP,
    evaluate_policy,
    occupancy,
    solve,
    solve_horizon,
    uniform_over,
)

SEEDS = st.integers(0, 10**6)


@given(seed=SEEDS, tied=st.booleans())
def test_no_deterministic_policy_is_better(seed, tied):
    mdp = random_process(seed, states=4, actions=2, tied=tied)
    best = solve(mdp, gamma=0.9)
    values = [
        evaluate_policy(mdp, np.eye(2)[list(choice)], gamma=0.9)
        for choice in itertools.product(range(2), repeat=4)
    ]
    np.testing.assert_allclose(best.value, np.max(values, axis=0), atol=1e-9)


@given(seed=SEEDS, tied=st.booleans())
def test_every_choice_of_the_set_is_optimal_and_no_other_is(seed, tied):
    mdp = random_process(seed, states=4, actions=2, tied=tied)
    best = solve(mdp, gamma=0.9)
    alive = ~mdp.terminal
    chosen = evaluate_policy(mdp, uniform_over(best.optimal), gamma=0.9)
    np.testing.assert_allclose(chosen, best.value, atol=1e-9)
    gap = best.value[:, None] - best.action_value
    assert (gap[~best.optimal] > 1e-9).all()
    assert best.optimal[alive].any(axis=1).all()
    assert best.optimal[~alive].all()


def test_equal_actions_are_all_in_the_set():
    step = np.zeros((2, 3, 2))
    step[:, :, 1] = 1.0
    reward = np.zeros((2, 3, 2))
    reward[0, 0, 1], reward[0, 1, 1] = 0.1 + 0.2, 0.3  # equal but for rounding
    mdp = FiniteMDP(
        transition=step,
        reward=reward,
        terminal=np.array([False, True]),
        start=np.array([1.0, 0.0]),
    )
    assert solve(mdp, gamma=0.5).optimal[0].tolist() == [True, True, False]


@given(seed=SEEDS)
def test_a_long_time_limit_changes_nothing(seed):
    mdp = random_process(seed, states=5, actions=3)
    endless = solve(mdp, gamma=0.8)
    limited = solve_horizon(mdp, gamma=0.8, steps=200)
    np.testing.assert_allclose(limited.value[0], endless.value, atol=1e-9)
    np.testing.assert_array_equal(limited.optimal[0], endless.optimal)


@given(seed=SEEDS, steps=st.integers(1, 6))
def test_a_bootstrapped_time_limit_changes_nothing_at_all(seed, steps):
    mdp = random_process(seed, states=5, actions=3)
    endless = solve(mdp, gamma=0.9)
    limited = solve_horizon(mdp, gamma=0.9, steps=steps, final=endless.value)
    np.testing.assert_allclose(limited.value, np.tile(endless.value, (steps, 1)), atol=1e-9)


def test_a_time_limit_without_bootstrapping_makes_the_last_step_greedy():
    # stay and earn 1, or pay 1 now and earn 3 on every later step
    step, reward = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
    step[0, 0, 0] = step[0, 1, 1] = step[1, :, 1] = 1.0
    reward[0, 0, 0], reward[0, 1, 1], reward[1, :, 1] = 1.0, -1.0, 3.0
    mdp = FiniteMDP(
        transition=step, reward=reward, terminal=np.zeros(2, bool), start=np.array([1.0, 0.0])
    )
    found = solve_horizon(mdp, gamma=1.0, steps=3)
    assert found.optimal[:, 0].tolist() == [[False, True], [True, True], [True, False]]
    np.testing.assert_allclose(found.value[0], [5.0, 9.0])


@given(seed=SEEDS)
def test_occupancy_adds_up_to_the_value(seed):
    mdp = random_process(seed, states=5, actions=3)
    rng = np.random.default_rng(seed)
    policy = rng.dirichlet(np.ones(3), size=5)
    where = occupancy(mdp, policy, steps=400)
    np.testing.assert_allclose(where.sum(axis=1), 1.0)
    mean = np.einsum("ia,iaj,iaj->i", policy, mdp.transition, mdp.reward)
    earned = (where[:-1] * ~mdp.terminal) @ mean
    value = float(np.sum(0.8 ** np.arange(400) * earned))
    assert value == pytest.approx(float(mdp.start @ evaluate_policy(mdp, policy, gamma=0.8)))


@given(seed=SEEDS, every=st.integers(1, 4))
def test_asking_a_model_now_and_then_changes_no_value(seed, every):
    mdp = random_process(seed, states=4, actions=2)
    held = hold_between_queries(mdp, every=every)
    larger, plain = solve(held.mdp, gamma=0.9), solve(mdp, gamma=0.9)
    np.testing.assert_allclose(larger.value, plain.value[held.state], atol=1e-9)
    np.testing.assert_array_equal(larger.optimal, plain.optimal[held.state])
    np.testing.assert_array_equal(held.read[held.fresh], held.state[held.fresh])
    if every == 1:
        assert held.fresh.all()
        assert len(held.state) <= mdp.states


def test_what_is_held_is_the_last_reading():
    # 0 -> 1 -> 2 -> 3 (end), asked every second step
    step = np.eye(4, k=1)[:, None, :].copy()
    step[3, 0, 3] = 1.0
    mdp = FiniteMDP(
        transition=step,
        reward=np.zeros((4, 1, 4)),
        terminal=np.array([False, False, False, True]),
        start=np.array([1.0, 0.0, 0.0, 0.0]),
    )
    held = hold_between_queries(mdp, every=2)
    assert held.state.tolist() == [0, 1, 2, 3]
    assert held.read.tolist() == [0, 0, 2, 3]
    assert held.fresh.tolist() == [True, False, True, True]


def test_what_cannot_be_solved_is_refused():
    mdp = random_process(0, states=3, actions=2)
    with pytest.raises(ShapingError, match=r"`gamma` must lie in \[0, 1\) where time"):
        solve(mdp, gamma=1.0)
    with pytest.raises(ShapingError, match="`steps` must be at least 1"):
        solve_horizon(mdp, gamma=1.0, steps=0)
    with pytest.raises(ShapingError, match=r"`final` must have shape \(3,\)"):
        solve_horizon(mdp, gamma=1.0, steps=1, final=np.zeros(2))
    with pytest.raises(ShapingError, match=r"`policy` must have shape \(3, 2\)"):
        evaluate_policy(mdp, np.ones((3, 1)), gamma=0.5)
    with pytest.raises(ShapingError, match="`every` must be at least 1"):
        hold_between_queries(mdp, every=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transition": np.full((3, 2, 3), 0.5)}, "`transition` must hold probabilities"),
        ({"start": np.array([0.5, 0.5, 0.5])}, "`start` must hold probabilities"),
        ({"transition": np.ones((3, 3))}, r"`transition` must have shape \(S, A, S\)"),
        ({"reward": np.zeros((3, 2))}, "`reward` must have shape"),
        ({"reward": np.full((3, 2, 3), np.nan)}, "`reward` must be finite"),
    ],
)
def test_what_is_no_process_is_refused(change, message):
    mdp = random_process(0, states=3, actions=2)
    parts = {
        "transition": mdp.transition,
        "reward": mdp.reward,
        "terminal": np.zeros(3, bool),
        "start": mdp.start,
    }
    with pytest.raises(ShapingError, match=message):
        FiniteMDP(**{**parts, **change})
