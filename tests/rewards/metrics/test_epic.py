"""EPIC: shaping and positive scaling cost nothing; other changes do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.metrics.epic import (
    canonical_shape,
    epic_distance,
    pearson_distance,
    state_reward_distance,
)


def mdp(seed, states=4, actions=3):
    rng = np.random.default_rng(seed)
    reward = rng.normal(size=(states, actions, states))
    d_s, d_a = rng.dirichlet(np.ones(states)), rng.dirichlet(np.ones(actions))
    return rng, reward, d_s, d_a


def shaping(phi, gamma, actions=3):
    return np.repeat(gamma * phi[None, None, :] - phi[:, None, None], actions, axis=1)


SEEDS = st.integers(0, 10**6)
GAMMAS = st.floats(0.0, 1.0)


@given(seed=SEEDS, gamma=GAMMAS, scale=st.floats(0.01, 100.0), constant=st.floats(-10, 10))
def test_shaping_scaling_and_a_constant_cost_nothing(seed, gamma, scale, constant):
    rng, reward, d_s, d_a = mdp(seed)
    other = scale * reward + shaping(rng.normal(size=4) * 5, gamma) + constant
    distance = epic_distance(reward, other, states=d_s, actions=d_a, gamma=gamma)
    assert distance < 1e-6


@given(seed=SEEDS, gamma=GAMMAS)
def test_pure_shaping_is_canonically_zero(seed, gamma):
    rng, _, d_s, d_a = mdp(seed)
    pure = shaping(rng.normal(size=4), gamma)
    canonical = canonical_shape(pure, states=d_s, actions=d_a, gamma=gamma)
    np.testing.assert_allclose(canonical, 0.0, atol=1e-12)


@given(seed=SEEDS, gamma=GAMMAS)
def test_canonical_shape_is_the_formula_term_by_term(seed, gamma):
    _, reward, d_s, d_a = mdp(seed, states=2, actions=2)
    canonical = canonical_shape(reward, states=d_s, actions=d_a, gamma=gamma)

    def mean(x):  # E[R(x, A, S')]
        return sum(d_a[a] * d_s[j] * reward[x, a, j] for a in range(2) for j in range(2))

    overall = sum(d_s[i] * mean(i) for i in range(2))
    for s in range(2):
        for a in range(2):
            for t in range(2):
                expected = reward[s, a, t] + gamma * mean(t) - mean(s) - gamma * overall
                assert canonical[s, a, t] == pytest.approx(expected, abs=1e-12)


@given(seed=SEEDS)
def test_it_is_a_pseudometric(seed):
    _, a, d_s, d_a = mdp(seed)
    b, c = mdp(seed + 1)[1], mdp(seed + 2)[1]

    def d(x, y):
        return epic_distance(x, y, states=d_s, actions=d_a, gamma=0.9)

    assert d(a, b) == pytest.approx(d(b, a), abs=1e-9)
    assert 0.0 <= d(a, b) <= d(a, c) + d(c, b) + 1e-9 <= 2.0 + 1e-9
    assert d(a, -a) == pytest.approx(1.0, abs=1e-9)


@given(seed=SEEDS, gamma=GAMMAS)
def test_rewards_of_the_next_state_need_their_correlation_alone(seed, gamma):
    rng, _, d_s, d_a = mdp(seed)
    first, second = rng.normal(size=(2, 4))
    tables = [np.broadcast_to(values, (4, 3, 4)) for values in (first, second)]
    exact = epic_distance(*tables, states=d_s, actions=d_a, gamma=gamma)
    assert exact == pytest.approx(pearson_distance(first, second, d_s), abs=1e-9)


def test_sampled_transitions_weigh_alike():
    first, second = [0.1, 0.4, 0.4, 0.9], [0.3, 0.1, 0.2, 0.8]
    rho = np.corrcoef(first, second)[0, 1]
    assert state_reward_distance(first, second) == pytest.approx(np.sqrt((1 - rho) / 2))


def test_a_constant_reward_is_as_far_as_an_unrelated_one():
    assert state_reward_distance([0.7] * 3, [0.0, 0.5, 1.0]) == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": [0.5, 0.4]}, "`states` must be probabilities"),
        ({"actions": [0.5, 0.5]}, r"`reward` must have shape \(S, A, S\)"),
        ({"gamma": 99.0}, r"`gamma` must lie in \[0, 1\], got 99.0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = {"states": [0.5, 0.5], "actions": [1.0], "gamma": 0.9}
    with pytest.raises(ValueError, match=message):
        canonical_shape(np.zeros((2, 1, 2)), **{**good, **arguments})


def test_no_transition_has_no_distance():
    with pytest.raises(ValueError, match="needs sampled transitions, got none"):
        state_reward_distance([], [])
