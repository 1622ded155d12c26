"""Columns of transitions, and the plain rule over them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards import ShapingMode, shaping_term
from kibble.rewards.errors import ShapingError
from kibble.rewards.penalties import read_infraction, read_penalty
from kibble.rewards.rule import ShapingRule, total
from kibble.rewards.signals import Signals


def random_signals(rng: np.random.Generator, count: int, *, window: int = 1) -> Signals:
    """Any transitions, not of one episode; a quarter of confidences is unknown."""
    unit = {
        name: rng.random(count)
        for name in ("progress", "next_progress", "start_progress", "success", "penalty")
    }
    unknown = {
        name: np.where(rng.random(count) < 0.25, np.nan, rng.random(count))
        for name in ("last_confidence", "confidence")
    }
    flags = {
        name: rng.random(count) < 0.3
        for name in ("terminated", "truncated", "queried", "infraction")
    }
    return Signals(
        task=rng.normal(size=count),
        phi=rng.normal(size=count),
        next_phi=rng.normal(size=count),
        weight=rng.random(count),
        next_weight=rng.random(count),
        recent=rng.random((count, window)),
        **unit,
        **unknown,
        **flags,
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.sampled_from(ShapingMode))
def test_the_plain_rule_pays_task_and_shaping_term(seed, count, mode):
    signals = random_signals(np.random.default_rng(seed), count)
    terms = ShapingRule(gamma=0.9, mode=mode)(signals)
    assert list(terms) == ["task", "shaping"]
    np.testing.assert_array_equal(terms["task"], signals.task)
    np.testing.assert_array_equal(total(terms), terms["task"] + terms["shaping"])
    expected = shaping_term(
        signals.phi,
        signals.next_phi,
        signals.terminated,
        gamma=0.9,
        weight=signals.weight,
        next_weight=signals.next_weight,
        mode=mode,
        queried=signals.queried,
    )
    np.testing.assert_array_equal(terms["shaping"], expected)


def test_parts_are_taken_and_stacked_column_by_column():
    signals = random_signals(np.random.default_rng(0), 6, window=2)
    parts = [signals[np.array([4, 1])], signals[2:3], signals[signals.terminated]]
    stacked = Signals.stack(parts)
    order = np.array([4, 1, 2, *np.flatnonzero(signals.terminated)])
    assert len(stacked) == len(order)
    for name, column in stacked.columns().items():
        np.testing.assert_array_equal(column, signals.columns()[name][order])


def test_sparse_transitions_are_paid_the_primary_reward_alone():
    flags = np.array([False, True])
    signals = Signals.sparse(np.array([0.0, 1.0]), flags, ~flags, window=3)
    for mode in ShapingMode:
        np.testing.assert_array_equal(
            total(ShapingRule(gamma=0.5, mode=mode)(signals)), signals.task
        )
    assert signals.window == 3


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("phi", np.zeros(3), r"`phi` must have shape \(N,\) like `task`, \(2,\), got \(3,\)"),
        ("recent", np.zeros(2), r"`recent` must have shape \(N, W\)"),
        ("recent", np.zeros((2, 0)), r"W >= 1, got \(2, 0\)"),
    ],
)
def test_wrong_shapes_are_refused(name, value, text):
    columns = random_signals(np.random.default_rng(0), 2).columns()
    with pytest.raises(ShapingError, match=text):
        Signals(**{**columns, name: value})


def test_stacking_nothing_or_different_windows_is_refused():
    with pytest.raises(ShapingError, match="at least one `Signals`"):
        Signals.stack([])
    rng = np.random.default_rng(0)
    with pytest.raises(ShapingError, match=r"same window in every part, got \[1, 2\]"):
        Signals.stack([random_signals(rng, 1), random_signals(rng, 1, window=2)])


def test_penalties_multiply_and_are_checked():
    assert read_penalty({}) == 1.0
    assert read_penalty({"penalties": {"speed": 0.5, "lane": 0.5}}) == 0.25
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(ShapingError, match="'speed' must be a factor in"):
            read_penalty({"penalties": {"speed": wrong}})
    with pytest.raises(ShapingError, match="must map names to factors"):
        read_penalty({"penalties": 0.5})
    assert read_infraction({"infraction": np.True_})
    assert not read_infraction({})
