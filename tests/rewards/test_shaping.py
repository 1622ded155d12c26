"""The maths of shaping: the invariants, and what is refused."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import kibble.rewards.frames
import kibble.rewards.shaping
from kibble.rewards import ShapingMode, shape, shaping_term
from kibble.rewards.errors import ShapingError

phis = hnp.arrays(
    np.float64, st.integers(2, 30), elements=st.floats(-10.0, 10.0, allow_subnormal=False)
)
gammas = st.floats(0.0, 1.0)
modes = st.sampled_from(list(ShapingMode))
dtypes = st.sampled_from([np.float32, np.float64])


@st.composite
def transitions(draw, dtype=None):
    kind = draw(dtypes) if dtype is None else dtype
    size = hnp.array_shapes(min_dims=0, max_dims=3, max_side=5)
    shape_ = draw(size)
    width = 32 if kind is np.float32 else 64
    floats = st.floats(-5, 5, width=width)
    phi, next_phi, reward = (draw(hnp.arrays(kind, shape_, elements=floats)) for _ in range(3))
    terminated = draw(hnp.arrays(np.bool_, shape_))
    return reward, phi, next_phi, terminated


@pytest.mark.parametrize("module", [kibble.rewards.shaping, kibble.rewards.frames])
def test_doctests(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@given(phis, gammas)
def test_terms_telescope_over_a_truncated_episode(phi, gamma):
    """sum_t gamma^t F_t = gamma^T Phi_T - Phi_0: nothing but the ends of the path is paid."""
    no_end = np.zeros(len(phi) - 1, np.bool_)
    terms = shaping_term(phi[:-1], phi[1:], no_end, gamma=gamma)
    discounts = gamma ** np.arange(len(terms))
    expected = gamma ** len(terms) * phi[-1] - phi[0]
    np.testing.assert_allclose(discounts @ terms, expected, rtol=0, atol=1e-9)


@given(phis, gammas)
def test_terms_telescope_to_minus_the_start_over_a_terminated_episode(phi, gamma):
    terminated = np.zeros(len(phi) - 1, np.bool_)
    terminated[-1] = True
    terms = shaping_term(phi[:-1], phi[1:], terminated, gamma=gamma)
    discounts = gamma ** np.arange(len(terms))
    np.testing.assert_allclose(discounts @ terms, -phi[0], rtol=0, atol=1e-9)


@given(phis, gammas, st.data())
def test_weights_that_change_multiply_the_potential_and_still_telescope(phi, gamma, data):
    weights = data.draw(hnp.arrays(np.float64, phi.shape, elements=st.floats(0.0, 2.0)))
    no_end = np.zeros(len(phi) - 1, np.bool_)
    terms = shaping_term(
        phi[:-1], phi[1:], no_end, gamma=gamma, weight=weights[:-1], next_weight=weights[1:]
    )
    discounts = gamma ** np.arange(len(terms))
    expected = gamma ** len(terms) * weights[-1] * phi[-1] - weights[0] * phi[0]
    np.testing.assert_allclose(discounts @ terms, expected, rtol=0, atol=1e-9)


@given(transitions(), gammas, modes)
def test_batch_equals_loop(arrays, gamma, mode):
    reward, phi, next_phi, terminated = arrays
    batch = shape(reward, phi, next_phi, terminated, gamma=gamma, mode=mode)
    loop = [
        shape(r, p, q, t, gamma=gamma, mode=mode)
        for r, p, q, t in zip(
            reward.ravel(), phi.ravel(), next_phi.ravel(), terminated.ravel(), strict=True
        )
    ]
    np.testing.assert_array_equal(batch.ravel(), np.array(loop, batch.dtype).ravel())


@given(transitions(), gammas, modes)
def test_shape_and_dtype_are_kept_and_inputs_unchanged(arrays, gamma, mode):
    copies = [array.copy() for array in arrays]
    term = shaping_term(*arrays[1:], gamma=gamma, mode=mode)
    total = shape(*arrays, gamma=gamma, mode=mode)
    for out in (term, total):
        assert isinstance(out, np.ndarray)
        assert out.shape == arrays[0].shape
        assert out.dtype == arrays[0].dtype
        assert not any(np.shares_memory(out, array) for array in arrays)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@given(transitions(np.float64), gammas)
def test_potential_term_is_bounded_by_the_potentials(arrays, gamma):
    _, phi, next_phi, terminated = arrays
    term = shaping_term(phi, next_phi, terminated, gamma=gamma)
    assert np.all(np.abs(term) <= np.abs(phi) + gamma * np.abs(next_phi) + 1e-12)


@given(transitions(np.float64), gammas)
def test_none_adds_nothing_and_the_reward_is_never_altered(arrays, gamma):
    reward, phi, next_phi, terminated = arrays
    total = shape(reward, phi, next_phi, terminated, gamma=gamma, mode="none")
    np.testing.assert_array_equal(total, reward)


def test_each_mode_by_hand():
    phi, next_phi = np.array([0.25, 0.5, 0.5]), np.array([0.5, 1.0, 0.75])
    terminated, queried = np.array([False, True, False]), np.array([True, True, False])
    expected = {
        "potential": [0.0, -0.5, -0.125],
        "difference": [0.25, 0.5, 0.25],
        "absolute": [0.5, 1.0, 0.0],
        "held_absolute": [0.5, 1.0, 0.75],
        "none": [0.0, 0.0, 0.0],
    }
    assert set(expected) == {mode.value for mode in ShapingMode}
    for mode, values in expected.items():
        term = shaping_term(phi, next_phi, terminated, gamma=0.5, mode=mode, queried=queried)
        np.testing.assert_allclose(term, values)


def test_held_absolute_reward_can_be_farmed_and_the_potential_cannot():
    """Waiting beside the goal for ever: the cliff that the modes are there to show."""
    phi = np.full(201, 0.9)
    waiting = np.zeros(200, np.bool_)
    farmed = shaping_term(phi[:-1], phi[1:], waiting, gamma=1.0, mode="held_absolute").sum()
    honest = shaping_term(phi[:-1], phi[1:], waiting, gamma=1.0).sum()
    assert farmed == pytest.approx(180.0)
    assert honest == pytest.approx(0.0)


@pytest.mark.parametrize("gamma", [99.0, -0.1, 1.0000001, float("nan")])
def test_gamma_outside_the_unit_interval_is_refused(gamma):
    """`gamma=99` is what one types for 0.99."""
    with pytest.raises(ShapingError, match=r"`gamma` must lie in \[0, 1\], got"):
        shaping_term(0.1, 0.2, False, gamma=gamma)


@pytest.mark.parametrize("name", ["reward", "phi", "next_phi", "weight", "next_weight"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_values_are_refused_by_name(name, value):
    arguments = {
        "reward": np.zeros(3),
        "phi": np.zeros(3),
        "next_phi": np.zeros(3),
        "weight": np.ones(3),
        "next_weight": np.ones(3),
    }
    arguments[name][1] = value
    with pytest.raises(ShapingError, match=rf"`{name}` must be finite, got {value} at index"):
        shape(**arguments, terminated=np.zeros(3, np.bool_), gamma=0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"next_phi": np.zeros(2)},
            r"`next_phi` must have the shape of `phi`, \(3,\), got \(2,\)",
        ),
        ({"terminated": np.zeros(2, np.bool_)}, "`terminated` must have the shape of `phi`"),
        ({"terminated": np.zeros(3)}, "`terminated` must be boolean, got dtype float64"),
        ({"weight": np.zeros((3, 1))}, "`weight` must be a scalar or have the shape of `phi`"),
        ({"mode": "potental"}, "did you mean 'potential'"),
        ({"mode": "zzz"}, "choose one of them"),
    ],
)
def test_malformed_arguments_are_refused(arguments, message):
    good = {
        "phi": np.zeros(3),
        "next_phi": np.zeros(3),
        "terminated": np.zeros(3, np.bool_),
        "gamma": 0.9,
    }
    with pytest.raises(ShapingError, match=message):
        shaping_term(**(good | arguments))


def test_integers_become_floats():
    assert shaping_term(1, 2, False, gamma=1.0).dtype == np.float64


def optimal_q(rewards: np.ndarray, step_to: np.ndarray, ends: np.ndarray, gamma: float):
    """Value iteration on a deterministic MDP: (S, A) tables of reward, next state, end."""
    q = np.zeros_like(rewards)
    for _ in range(400):
        q = rewards + gamma * np.where(ends, 0.0, q.max(axis=1)[step_to])
    return q


@given(st.data())
def test_shaping_moves_action_values_by_minus_phi_and_so_keeps_what_is_optimal(data):
    """Ng, Harada and Russell 1999: Q'(s, a) = Q(s, a) - Phi(s), in any deterministic MDP."""
    states, choices, gamma = 5, 3, 0.8
    table = (states, choices)
    rewards = data.draw(hnp.arrays(np.float64, table, elements=st.floats(-1, 1)))
    step_to = data.draw(hnp.arrays(np.int64, table, elements=st.integers(0, states - 1)))
    ends = data.draw(hnp.arrays(np.bool_, table))
    phi = data.draw(hnp.arrays(np.float64, states, elements=st.floats(-3, 3)))
    before = np.broadcast_to(phi[:, None], table)
    shaped = shape(rewards, before, phi[step_to], ends, gamma=gamma)
    np.testing.assert_allclose(
        optimal_q(shaped, step_to, ends, gamma),
        optimal_q(rewards, step_to, ends, gamma) - before,
        atol=1e-9,
    )


def test_an_absolute_reward_teaches_to_hover_and_the_potential_to_finish():
    """A corridor of five cells; the last step pays 1 and ends. Actions: stay, go right."""
    phi, gamma = np.array([0.0, 0.25, 0.5, 0.75, 1.0]), 0.95
    step_to = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    ends = step_to == 4
    rewards = ends.astype(np.float64)
    before = np.broadcast_to(phi[:4, None], (4, 2))

    def best_beside_the_goal(mode: str) -> int:
        shaped = shape(rewards, before, phi[step_to], ends, gamma=gamma, mode=mode)
        return int(optimal_q(shaped, np.minimum(step_to, 3), ends, gamma)[3].argmax())

    stay, finish = 0, 1
    assert best_beside_the_goal("none") == finish
    assert best_beside_the_goal("potential") == finish
    assert best_beside_the_goal("held_absolute") == stay
