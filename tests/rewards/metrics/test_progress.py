"""Errors, grades, regress and paraphrases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kibble.rewards.metrics.progress import (
    paraphrase_spread,
    progress_errors,
    regress_detection,
    rubric_grade,
)

UNIT = st.floats(0.0, 1.0)
READINGS = arrays(np.float64, st.integers(1, 20), elements=UNIT)


@given(READINGS)
def test_the_oracle_agrees_with_itself(oracle):
    assert progress_errors(oracle, oracle).max() == 0.0
    detected, falls = regress_detection(oracle, oracle, apart=1)
    assert detected == falls
    assert regress_detection(1.0 - oracle, oracle, apart=1)[0] == 0


@given(UNIT, UNIT)
def test_grades_rise_with_progress_and_success_alone_is_five(first, second):
    low, high = rubric_grade(sorted([first, second]), [False, False])
    assert 1 <= low <= high <= 4
    assert rubric_grade(first, True) == 5


def test_grades_by_the_rule():
    progress = [0.0, 0.12, 0.13, 0.37, 0.38, 0.62, 0.63, 1.0]
    assert rubric_grade(progress, np.zeros(8, bool)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_constant_detects_no_regress():
    assert regress_detection([0.5] * 4, [0.9, 0.6, 0.3, 0.0], apart=2) == (0, 2)


def test_a_small_fall_does_not_count():
    assert regress_detection([0.5, 0.4], [0.5, 0.41], apart=1) == (0, 0)
    assert regress_detection([0.5, 0.4], [0.5, 0.4], apart=1) == (1, 1)
    assert regress_detection([0.5], [0.5], apart=3) == (0, 0)


@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=UNIT))
def test_spread_is_the_range_over_phrasings(progress):
    spread = paraphrase_spread(progress)
    assert 0.0 <= spread <= 1.0
    assert paraphrase_spread(progress[::-1]) == spread
    assert paraphrase_spread(progress[:1]) == 0.0


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"`progress` must lie in \[0, 1\], got nan"):
        progress_errors([np.nan], [0.0])
    with pytest.raises(ValueError, match="`apart` must be 1 or more, got 0"):
        regress_detection([0.0], [0.0], apart=0)
    with pytest.raises(ValueError, match=r"must have shape \(P, T\)"):
        paraphrase_spread(np.zeros((0, 3)))
