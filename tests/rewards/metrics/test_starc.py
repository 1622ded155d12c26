"""STARC: shaping, redistribution and positive scaling cost nothing; other changes do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.metrics.starc import minimal_canonical, starc_distance, value_canonical

SEEDS = st.integers(0, 10**6)
GAMMAS = st.floats(0.0, 0.98)


def mdp(seed, states=4, actions=3):
    rng = np.random.default_rng(seed)
    reward = rng.normal(size=(states, actions, states))
    tau = rng.dirichlet(np.ones(states), size=(states, actions))
    policy = rng.dirichlet(np.ones(actions), size=states)
    return rng, reward, tau, policy


def shaping(phi, gamma, actions=3):
    return np.repeat(gamma * phi[None, None, :] - phi[:, None, None], actions, axis=1)


def redistributed(rng, tau):
    """A reward whose mean over the next state is zero everywhere."""
    free = rng.normal(size=tau.shape)
    return free - (free * tau).sum(axis=2, keepdims=True)


@given(seed=SEEDS, gamma=GAMMAS, scale=st.floats(0.01, 100.0))
def test_levelling_ignores_shaping_redistribution_and_scale(seed, gamma, scale):
    rng, reward, tau, policy = mdp(seed)
    other = scale * reward + shaping(rng.normal(size=4), gamma) + redistributed(rng, tau)
    canonical = [
        value_canonical(r, transition=tau, policy=policy, gamma=gamma) for r in (reward, other)
    ]
    assert starc_distance(*canonical) < 1e-6
    np.testing.assert_allclose(canonical[1], scale * canonical[0], atol=1e-7 * max(1, scale))


@given(seed=SEEDS, gamma=GAMMAS)
def test_a_levelled_reward_is_the_advantage(seed, gamma):
    _, reward, tau, policy = mdp(seed)
    levelled = value_canonical(reward, transition=tau, policy=policy, gamma=gamma)[:, :, 0]
    np.testing.assert_allclose((levelled * policy).sum(axis=1), 0.0, atol=1e-9)


@given(seed=SEEDS)
def test_the_same_optimal_policy_after_canonicalisation(seed):
    _, reward, tau, policy = mdp(seed)
    levelled = value_canonical(reward, transition=tau, policy=policy, gamma=0.9)

    def best_actions(table):
        value = np.zeros(4)
        for _ in range(400):
            q = (tau * (table + 0.9 * value)).sum(axis=2)
            value = q.max(axis=1)
        return q.argmax(axis=1)

    np.testing.assert_array_equal(best_actions(reward), best_actions(levelled))


def tabular(reward, states, actions, gamma):
    """Features of a finite MDP: one for each state, all transitions alike."""
    eye = np.eye(states)
    s, _, t = np.meshgrid(range(states), range(actions), range(states), indexing="ij")
    return minimal_canonical(
        reward.ravel(), features=eye[s.ravel()], next_features=eye[t.ravel()], gamma=gamma
    )


@given(seed=SEEDS, gamma=st.floats(0.0, 1.0), scale=st.floats(0.01, 100.0))
def test_minimal_canonicalisation_ignores_all_shaping_of_a_finite_mdp(seed, gamma, scale):
    rng, reward, *_ = mdp(seed)
    other = scale * reward + shaping(rng.normal(size=4), gamma)
    first, second = (tabular(r, 4, 3, gamma) for r in (reward, other))
    assert starc_distance(first, second) < 1e-6
    np.testing.assert_allclose(
        tabular(shaping(rng.normal(size=4), gamma), 4, 3, gamma), 0, atol=1e-9
    )


@given(seed=SEEDS, gamma=st.floats(0.0, 1.0))
def test_no_shaping_makes_it_smaller(seed, gamma):
    rng, reward, *_ = mdp(seed)
    least = np.linalg.norm(tabular(reward, 4, 3, gamma))
    shaped = reward + shaping(rng.normal(size=4), gamma)
    assert least <= np.linalg.norm(shaped) + 1e-9


@given(seed=SEEDS)
def test_sampled_shaping_in_the_span_costs_nothing_and_outside_it_does(seed):
    rng = np.random.default_rng(seed)
    features, later, rewards = (
        rng.normal(size=(40, 3)),
        rng.normal(size=(40, 3)),
        rng.normal(size=40),
    )
    weights = rng.normal(size=3)
    inside = 2.0 * rewards + 0.9 * later @ weights - features @ weights
    both = np.stack([rewards, inside], axis=1)
    canonical = minimal_canonical(both, features=features, next_features=later, gamma=0.9)
    assert starc_distance(canonical[:, 0], canonical[:, 1]) < 1e-6
    outside = minimal_canonical(
        rewards + rng.normal(size=40), features=features, next_features=later, gamma=0.9
    )
    assert starc_distance(canonical[:, 0], outside) > 0.01


@given(seed=SEEDS)
def test_it_is_a_pseudometric(seed):
    a, b, c = np.random.default_rng(seed).normal(size=(3, 20))
    assert starc_distance(a, b) == pytest.approx(starc_distance(b, a))
    assert starc_distance(a, b) <= starc_distance(a, c) + starc_distance(c, b) + 1e-9
    assert starc_distance(a, -3.0 * a) == pytest.approx(1.0)
    assert starc_distance(a, 0.5 * a) == pytest.approx(0.0, abs=1e-9)


def test_what_is_rounding_of_pure_shaping_counts_as_zero():
    rng = np.random.default_rng(0)
    features, later = rng.normal(size=(2, 30, 3))
    pure = (0.9 * later - features) @ rng.normal(size=3)
    canonical = minimal_canonical(
        pure.astype(np.float32), features=features, next_features=later, gamma=0.9
    )
    assert not canonical.any()
    assert starc_distance(canonical, rng.normal(size=30)) == pytest.approx(0.5)


@pytest.mark.parametrize("gamma", [1.0, -0.1])
def test_values_need_a_discount_below_one(gamma):
    tau = np.ones((1, 1, 1))
    with pytest.raises(ValueError, match=r"`gamma` must lie in \[0, 1\)"):
        value_canonical(tau, transition=tau, policy=np.ones((1, 1)), gamma=gamma)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"must have shape \(N, K\) for N rewards"):
        minimal_canonical(
            np.zeros(3), features=np.zeros((2, 1)), next_features=np.zeros((2, 1)), gamma=1
        )
    with pytest.raises(ValueError, match="must have one size"):
        starc_distance([1.0], [1.0, 2.0])
