"""Alignment, the weight's steps, advantages of several rewards, and the rule that is weighed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rewards.test_signals import random_signals

from kibble.agents.blend.advantages import stream_advantages
from kibble.agents.blend.config import BlendConfig
from kibble.agents.blend.outer import OuterStep, alignment
from kibble.rewards.blended_rule import BlendedRule
from kibble.rewards.errors import ConfigError, ShapingError
from kibble.rewards.rule import ShapingRule


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=30), st.floats(0.01, 3.0))
def test_a_weight_stays_in_its_bounds(alignments, rate):
    step = OuterStep(config=BlendConfig(rate=rate, most=2.0), weight=1.0)
    for aligned in alignments:
        assert 0.0 <= step.take(aligned) <= 2.0


def test_a_weight_follows_the_alignment_and_stands_where_nothing_is_known():
    config = BlendConfig(rate=0.5)
    step = OuterStep(config=config, weight=0.5)
    assert step.take(None) == 0.5
    assert step.take(-0.4) == pytest.approx(0.3)
    assert step.take(None) == pytest.approx(0.1)  # the direction found before stands
    assert OuterStep(config=config, weight=0.5).take(0.8) == pytest.approx(0.9)
    decaying = OuterStep(config=BlendConfig(rate=0.5, decay=0.4), weight=1.0)
    assert decaying.take(0.4) == 1.0
    assert decaying.take(0.0) < 1.0


def test_alignment_is_a_cosine():
    a = np.array([1.0, 2.0, 2.0])
    assert alignment(a, 7.0 * a) == pytest.approx(1.0)
    assert alignment(a, np.array([2.0, -1.0, 0.0])) == 0.0
    assert alignment(a, np.zeros(3)) == 0.0


def loop_advantages(rewards, values, next_values, ended, gamma, lam):
    """The definition, one series at a time: sum of (gamma lambda)^k delta_{t+k}."""
    steps = len(rewards)
    out = np.zeros(steps)
    for t in range(steps):
        factor = 1.0
        for k in range(t, steps):
            out[t] += factor * (rewards[k] + gamma * next_values[k] - values[k])
            if ended[k]:
                break
            factor *= gamma * lam
    return out


def test_advantages_are_those_of_the_definition_with_the_fitted_values():
    """One-hot states and hardly any ridge: the fit is the exact value of the empirical chain."""
    rng = np.random.default_rng(0)
    steps, slots, gamma, lam = 400, 2, 0.9, 0.8
    states = rng.integers(0, 3, (steps + 1, slots))
    rewards = np.stack([(states[1:] == 2).astype(float), rng.normal(size=(steps, slots))])
    terminated = rng.random((steps, slots)) < 0.1
    truncated = ~terminated & (rng.random((steps, slots)) < 0.1)
    got = stream_advantages(
        rewards,
        np.eye(3)[states[:-1]],
        np.eye(3)[states[-1]],
        terminated=terminated,
        truncated=truncated,
        gamma=gamma,
        gae_lambda=lam,
        ridge=1e-9,
    )
    for stream in range(2):
        value = empirical_value(states, rewards[stream], terminated, truncated, gamma)
        expected = np.zeros((steps, slots))
        for slot in range(slots):
            before, after = value[states[:-1, slot]], value[states[1:, slot]]
            after = np.where(terminated[:, slot], 0.0, after)
            after = np.where(truncated[:, slot], before, after)
            ended = terminated[:, slot] | truncated[:, slot]
            expected[:, slot] = loop_advantages(
                rewards[stream, :, slot], before, after, ended, gamma, lam
            )
        np.testing.assert_allclose(got[stream], expected - expected.mean(), atol=1e-4)


def empirical_value(states, rewards, terminated, truncated, gamma):
    """V of the chain whose transitions are those seen, by solving V = r + gamma P V."""
    known = ~truncated
    transition, mean = np.zeros((3, 3)), np.zeros(3)
    for state in range(3):
        here = known & (states[:-1] == state)
        mean[state] = rewards[here].mean()
        for after in range(3):
            goes = here & (states[1:] == after) & ~terminated
            transition[state, after] = goes.sum() / here.sum()
    return np.linalg.solve(np.eye(3) - gamma * transition, mean)


def test_a_blended_rule_weighs_every_term_but_the_primary_one():
    signals = random_signals(np.random.default_rng(0), 4)
    plain = ShapingRule(gamma=0.9)
    rule = BlendedRule(plain, initial=0.5)
    assert (rule.gamma, rule.window) == (0.9, 1)
    np.testing.assert_array_equal(rule(signals)["task"], signals.task)
    np.testing.assert_array_equal(rule(signals)["shaping"], 0.5 * plain(signals)["shaping"])
    rule.assign({"shaping": 0.0})
    np.testing.assert_array_equal(rule(signals)["shaping"], 0.0)
    with pytest.raises(ShapingError, match="'task' is never weighed"):
        rule.assign({"task": 0.5})
    with pytest.raises(ShapingError, match="weight 'shaping' must be finite, got nan"):
        rule.assign({"shaping": float("nan")})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"initial": 1.5}, r"`blend.initial` must lie in \[0, blend.most\], got 1.5"),
        ({"rate": 0.0}, "`blend.rate` must be above 0"),
        ({"decay": -1.0}, r"`blend.decay` must lie in \[0, 1\]"),
    ],
)
def test_settings_out_of_range_are_refused(values, text):
    with pytest.raises(ConfigError, match=text):
        BlendConfig(**values)
