"""Whatever is composed: terms sum to the total, the primary reward stays, potentials telescope."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rewards.test_signals import random_signals

from kibble.rewards import ShapingMode
from kibble.rewards.episode_signals import episode_signals
from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import total
from kibble.rewards.tabular import FiniteMDP, solve
from kibble.rewards.transforms import (
    Clip,
    ComposedRule,
    ConfidentPotential,
    ConfidentTerms,
    Delta,
    Gate,
    Gold,
    Lexicographic,
    Log,
    PotentialShaping,
    Preference,
    SoftPenalties,
    SteadyPotential,
    SteadyTerms,
)

GAMMA = 0.9
POTENTIALS = [
    Clip(threshold=0.3),
    Log(unit=0.2),
    Preference(),
    Preference(reference=0.4, steepness=3.0, shift=0.0),
    ConfidentPotential(),
    SteadyPotential(readings=2),
    SteadyPotential(readings=4, temperature=0.1),
]
PAYMENTS = [
    PotentialShaping(gamma=GAMMA),
    Delta(),
    Gate(),
    Gate(by="success", threshold=0.2),
    Gold(gamma=GAMMA, delta=0.4, votes=2, of=3),
    Lexicographic(gamma=GAMMA),
    SoftPenalties(scale=2.0),
    ConfidentTerms(),
    SteadyTerms(readings=3),
]
rules = st.builds(
    ComposedRule,
    gamma=st.just(GAMMA),
    mode=st.sampled_from(ShapingMode),
    potentials=st.lists(st.sampled_from(POTENTIALS), max_size=4).map(tuple),
    payments=st.lists(st.sampled_from(PAYMENTS), max_size=4).map(tuple),
)


@given(rules, st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_terms_always_sum_to_the_total_and_the_primary_reward_stays(rule, seed, count):
    signals = random_signals(np.random.default_rng(seed), count, window=rule.window)
    before = {name: column.copy() for name, column in signals.columns().items()}
    terms = rule(signals)
    np.testing.assert_array_equal(terms["task"], signals.task)
    reward = total(terms)
    for i in range(count):
        assert sum(float(term[i]) for term in terms.values()) == reward[i]
    for name, column in signals.columns().items():  # inputs are not written to
        np.testing.assert_array_equal(column, before[name])


@given(rules, st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_a_batch_is_paid_what_its_transitions_are_paid_alone(rule, seed, count):
    signals = random_signals(np.random.default_rng(seed), count, window=rule.window)
    whole = total(rule(signals))
    alone = [total(rule(signals[i : i + 1]))[0] for i in range(count)]
    np.testing.assert_allclose(whole, alone, rtol=1e-12, atol=1e-12)


@given(
    st.lists(st.sampled_from(POTENTIALS), max_size=4).map(tuple),
    st.integers(0, 2**32 - 1),
    st.integers(1, 25),
    st.booleans(),
)
def test_every_transform_of_the_potential_telescopes(potentials, seed, steps, terminated):
    """With weights that change, readings that are held, and any composition: the ends are paid."""
    rng = np.random.default_rng(seed)
    rule = ComposedRule(gamma=GAMMA, potentials=potentials)
    queried = rng.random(steps) < 0.6
    queried[-1] = True
    signals = held_episode(rng, queried, terminated=terminated, window=rule.window)
    paid = rule(signals)["shaping"]
    mapped = signals
    for potential in potentials:
        mapped = potential.map(mapped)
    first = mapped.weight[0] * mapped.phi[0]
    last = 0.0 if terminated else mapped.next_weight[-1] * mapped.next_phi[-1]
    expected = GAMMA**steps * last - first
    assert paid @ GAMMA ** np.arange(steps) == pytest.approx(expected, abs=1e-9)


def held_episode(rng: np.random.Generator, queried: np.ndarray, *, terminated: bool, window: int):
    """Readings that are renewed on the queried steps and held on the others."""
    steps = len(queried)
    newest = np.maximum.accumulate(
        np.concatenate([[0], np.where(queried, np.arange(steps) + 1, 0)])
    )
    progress, sure = rng.random(steps + 1)[newest], rng.random(steps + 1)
    confidence = np.where(newest[1:] == 0, np.nan, sure[newest[1:]])
    return episode_signals(
        task=np.zeros(steps),
        terminated=terminated,
        truncated=not terminated,
        phi=2.0 * (progress - 0.5),
        progress=progress,
        queried=queried,
        confidence=confidence,
        weight=rng.random(steps + 1),
        window=window,
    )


@pytest.mark.parametrize(
    "potentials",
    [(), (Clip(threshold=-0.4),), (Log(unit=0.1),), (Preference(reference=0.3),)],
    ids=["none", "clip", "log", "preference"],
)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_optimal_actions_stay_in_any_small_process(potentials, seed):
    rng = np.random.default_rng(seed)
    plain, progress = random_process(rng)
    rule = ComposedRule(gamma=GAMMA, potentials=potentials)
    np.testing.assert_array_equal(
        solve(paid_by(rule, plain, progress), gamma=GAMMA).optimal,
        solve(plain, gamma=GAMMA).optimal,
    )


def test_the_same_transforms_paid_as_absolute_rewards_change_the_optimal_actions():
    plain, progress = random_process(np.random.default_rng(1))
    rule = ComposedRule(
        gamma=GAMMA, mode=ShapingMode.ABSOLUTE, potentials=(Preference(shift=0.0),)
    )
    changed = solve(paid_by(rule, plain, progress), gamma=GAMMA).optimal
    assert (changed != solve(plain, gamma=GAMMA).optimal).any()


def random_process(rng: np.random.Generator) -> tuple[FiniteMDP, np.ndarray]:
    """Five states of which the last is terminal and pays 1; any progress in each."""
    states, actions = 5, 3
    transition = rng.dirichlet(np.full(states, 0.5), size=(states, actions))
    reward = np.zeros((states, actions, states))
    reward[:, :, -1] = 1.0
    mdp = FiniteMDP(
        transition=transition,
        reward=reward,
        terminal=np.arange(states) == states - 1,
        start=np.eye(states)[0],
    )
    return mdp, rng.random(states)


def paid_by(rule: ComposedRule, mdp: FiniteMDP, progress: np.ndarray) -> FiniteMDP:
    """The process with every transition paid by the rule, Phi = progress - 1."""
    states = mdp.states
    reward = np.empty_like(mdp.reward)
    for s in range(states):
        for s_next in range(states):
            signals = episode_signals(
                task=mdp.reward[s, :1, s_next],
                terminated=bool(mdp.terminal[s_next]),
                truncated=False,
                phi=progress[[s, s_next]] - 1.0,
                progress=progress[[s, s_next]],
                window=rule.window,
            )
            reward[s, :, s_next] = total(rule(signals))[0]
    return FiniteMDP(
        transition=mdp.transition, reward=reward, terminal=mdp.terminal, start=mdp.start
    )


class Thief:
    """Moves the primary reward elsewhere."""

    window = 1

    def pay(self, signals, terms):
        return {"task": np.zeros_like(terms["task"]), "stolen": terms["task"]}


class Broken:
    """Pays NaN."""

    window = 1

    def pay(self, signals, terms):
        return {**terms, "broken": np.full(len(signals), np.nan)}


def test_a_transform_that_alters_the_primary_reward_or_pays_nan_is_refused():
    signals = random_signals(np.random.default_rng(0), 2)
    with pytest.raises(ShapingError, match="'task' must stay the primary reward"):
        ComposedRule(gamma=GAMMA, payments=(Thief(),))(signals)
    with pytest.raises(ShapingError, match="The term 'broken' must be finite, got nan"):
        ComposedRule(gamma=GAMMA, payments=(Broken(),))(signals)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Log(unit=0.0), "`unit` must be above 0"),
        (lambda: Preference(steepness=-1.0), "`steepness` must be above 0"),
        (lambda: Preference(reference=1.5), r"`reference` must be progress in \[0, 1\], got 1.5"),
        (lambda: SteadyPotential(readings=1), "`readings` must be at least 2, got 1"),
        (lambda: SteadyTerms(temperature=0.0), "`temperature` must be above 0"),
        (lambda: Gate(by="sucess"), "`by` must be one of task, success"),
        (lambda: Gold(gamma=GAMMA, delta=1.0), r"`delta` must lie in \[0, 1\)"),
        (lambda: Gold(gamma=GAMMA, votes=3, of=2), "between 1 and `of`, got 3 of 2"),
        (lambda: Gold(gamma=GAMMA, value=float("inf")), "`value` must be finite"),
        (lambda: Lexicographic(gamma=1.0), "`gamma` must be below 1"),
        (lambda: Lexicographic(gamma=GAMMA, margin=1.0), r"`margin` must lie in \(0, 1\)"),
        (lambda: Lexicographic(gamma=GAMMA, limit=0.0), "`limit` must be above 0"),
        (lambda: ComposedRule(gamma=1.2), r"`gamma` must lie in \[0, 1\]"),
    ],
)
def test_values_out_of_range_are_refused(make, text):
    with pytest.raises(ShapingError, match=text):
        make()


def test_an_order_names_terms_that_are_there():
    rule = ComposedRule(gamma=GAMMA, payments=(Lexicographic(gamma=GAMMA, order=("gold",)),))
    signals = random_signals(np.random.default_rng(0), 2)
    with pytest.raises(ShapingError, match="must name terms that are there, shaping, got 'gold'"):
        rule(signals)
