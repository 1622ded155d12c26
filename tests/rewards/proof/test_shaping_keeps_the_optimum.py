"""The set of optimal policies with and without shaping is the same: random exact processes.

A policy is optimal if and only if it takes, wherever it can get to, actions of the sets that the
solver returns; so equal sets of actions in every state are equal sets of optimal policies.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.rewards.proof.processes import paid, random_process, with_reward

from kibble.rewards.held_queries import hold_between_queries
from kibble.rewards.tabular import solve, solve_horizon

SEEDS = st.integers(0, 10**6)
GAMMAS = st.floats(0.0, 0.97)
SCALES = st.sampled_from([0.1, 1.0, 30.0])


def potentials(seed, *shape, scale=1.0):
    return scale * np.random.default_rng(seed + 1).normal(size=shape)


@given(seed=SEEDS, gamma=GAMMAS, scale=SCALES, tied=st.booleans())
def test_any_potential_with_episodes_of_any_length(seed, gamma, scale, tied):
    mdp = random_process(seed, tied=tied)
    phi = potentials(seed, mdp.states, scale=scale)  # terminal states too: the rule sees to them
    plain = solve(mdp, gamma=gamma)
    shaped = solve(with_reward(mdp, paid(mdp, phi, phi, gamma=gamma)), gamma=gamma)
    np.testing.assert_array_equal(shaped.optimal, plain.optimal)
    alive = ~mdp.terminal
    np.testing.assert_allclose(shaped.value[alive], (plain.value - phi)[alive], atol=1e-7)


@given(seed=SEEDS, gamma=GAMMAS, every=st.integers(1, 4), tied=st.booleans())
def test_a_potential_held_between_queries(seed, gamma, every, tied):
    mdp = random_process(seed, states=4, actions=2, tied=tied)
    held = hold_between_queries(mdp, every=every)
    phi = potentials(seed, mdp.states)[held.read]  # a function of what was read last
    reward = paid(held.mdp, phi, phi, gamma=gamma)
    plain = solve(mdp, gamma=gamma)
    shaped = solve(with_reward(held.mdp, reward), gamma=gamma)
    np.testing.assert_array_equal(shaped.optimal, plain.optimal[held.state])


def timed(mdp, phi, weights, gamma, *, limit_terminates):
    """Rewards (T, S, A, S) of potentials (T + 1, S) and weights (T + 1,) that change with time."""
    steps = len(phi) - 1
    rewards = []
    for t in range(steps):
        last = t == steps - 1
        ends = np.ones(mdp.states, bool) if last and limit_terminates else mdp.terminal
        rewards.append(
            paid(
                mdp,
                phi[t],
                phi[t + 1],
                gamma=gamma,
                terminated=ends,
                weight=weights[t],
                next_weight=weights[t + 1],
            )
        )
    return np.stack(rewards)


@given(seed=SEEDS, gamma=GAMMAS, steps=st.integers(1, 6), tied=st.booleans())
def test_a_truncation_that_is_bootstrapped_with_the_true_last_frame(seed, gamma, steps, tied):
    mdp = random_process(seed, tied=tied)
    phi = potentials(seed, mdp.states)
    plain = solve(mdp, gamma=gamma)
    rewards = timed(
        mdp, np.tile(phi, (steps + 1, 1)), np.ones(steps + 1), gamma, limit_terminates=False
    )
    shaped = solve_horizon(  # the critic of the shaped reward says V - Phi there
        mdp, gamma=gamma, steps=steps, rewards=rewards, final=plain.value - phi
    )
    np.testing.assert_array_equal(shaped.optimal, np.tile(plain.optimal, (steps, 1, 1)))


@given(seed=SEEDS, gamma=st.floats(0.0, 1.0), steps=st.integers(1, 6), tied=st.booleans())
def test_a_time_limit_that_is_part_of_the_task_terminates(seed, gamma, steps, tied):
    mdp = random_process(seed, tied=tied)
    phi = potentials(seed, steps + 1, mdp.states)
    plain = solve_horizon(mdp, gamma=gamma, steps=steps)
    rewards = timed(mdp, phi, np.ones(steps + 1), gamma, limit_terminates=True)
    shaped = solve_horizon(mdp, gamma=gamma, steps=steps, rewards=rewards)
    np.testing.assert_array_equal(shaped.optimal, plain.optimal)


@given(seed=SEEDS, gamma=GAMMAS, steps=st.integers(1, 6), tied=st.booleans())
def test_potentials_and_weights_that_change_with_time(seed, gamma, steps, tied):
    mdp = random_process(seed, tied=tied)
    phi = potentials(seed, steps + 1, mdp.states)  # a model that is retrained, say
    weights = np.linspace(1.0, 0.2, steps + 1)  # and annealed
    plain = solve(mdp, gamma=gamma)
    rewards = timed(mdp, phi, weights, gamma, limit_terminates=False)
    shaped = solve_horizon(
        mdp,
        gamma=gamma,
        steps=steps,
        rewards=rewards,
        final=plain.value - weights[-1] * phi[-1],
    )
    np.testing.assert_array_equal(shaped.optimal, np.tile(plain.optimal, (steps, 1, 1)))
