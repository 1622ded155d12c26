"""Pairs of rollouts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kibble.rewards.metrics.ranking import compare_pairs

PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=12)


@given(PAIRS)
def test_counts_equal_a_plain_loop(rows):
    concordant = discordant = tied = 0
    for i, (grade, reading) in enumerate(rows):
        for other_grade, other_reading in rows[:i]:
            if grade == other_grade:
                continue
            agreement = (grade - other_grade) * (reading - other_reading)
            concordant += agreement > 0
            discordant += agreement < 0
            tied += agreement == 0
    counts = compare_pairs([g for g, _ in rows], [r for _, r in rows])
    assert (counts.concordant, counts.discordant, counts.tied) == (concordant, discordant, tied)


@given(PAIRS)
def test_accuracy_is_tau_shifted_and_signs_turn(rows):
    grades, readings = [g for g, _ in rows], [r for _, r in rows]
    counts = compare_pairs(grades, readings)
    if not counts.pairs:
        assert np.isnan(counts.kendall_tau_a)
        assert np.isnan(counts.pairwise_accuracy)
        return
    assert counts.pairwise_accuracy == pytest.approx((counts.kendall_tau_a + 1) / 2)
    turned = compare_pairs(grades, [-r for r in readings])
    assert turned.kendall_tau_a == pytest.approx(-counts.kendall_tau_a)


@given(st.permutations(range(8)))
def test_without_ties_it_is_kendalls_tau(readings):
    expected = stats.kendalltau(range(8), readings).statistic
    assert compare_pairs(range(8), readings).kendall_tau_a == pytest.approx(expected)


def test_reading_all_alike_gives_chance():
    counts = compare_pairs([0, 1, 2], [0.5, 0.5, 0.5])
    assert (counts.kendall_tau_a, counts.pairwise_accuracy) == (0.0, 0.5)


def test_pairs_of_tasks_are_pooled():
    both = compare_pairs([0, 1], [0.0, 1.0]) + compare_pairs([0, 1], [1.0, 0.0])
    assert (both.pairs, both.kendall_tau_a) == (2, 0.0)


def test_shapes_and_values_are_checked():
    with pytest.raises(ValueError, match="must have one shape"):
        compare_pairs([0, 1], [0.0])
    with pytest.raises(ValueError, match="must be finite"):
        compare_pairs([0, 1], [0.0, np.nan])
