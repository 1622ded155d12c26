"""Isotonic regression and Platt scaling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.calibration import fit_monotone, fit_scale_and_bias
from kibble.rewards.metrics.success import expected_calibration_error

numbers = st.floats(-100.0, 100.0, width=32)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30), st.booleans())
def test_a_monotone_map_keeps_its_direction_and_range(pairs, falling):
    inputs, outputs = np.array(pairs).T
    fitted = fit_monotone(inputs, outputs, falling=falling)
    answers = fitted(np.linspace(-200, 200, 101))
    steps = np.diff(answers) * (-1.0 if falling else 1.0)
    assert (steps >= -1e-9).all()
    assert answers.min() >= outputs.min() - 1e-6
    assert answers.max() <= outputs.max() + 1e-6


@pytest.mark.parametrize(("scale", "bias"), [(0.25, 1.5), (1.0, 0.0), (2.0, -1.0)])
def test_a_known_miscalibration_is_undone(scale, bias):
    rng = np.random.default_rng(0)
    true_logits = rng.normal(0.0, 2.0, 20_000)
    labels = (rng.random(20_000) < 1.0 / (1.0 + np.exp(-true_logits))).astype(float)
    given_logits = (true_logits - bias) / scale
    found_scale, found_bias = fit_scale_and_bias(given_logits, labels)
    assert found_scale == pytest.approx(scale, rel=0.05)
    assert found_bias == pytest.approx(bias, abs=0.08)
    before = 1.0 / (1.0 + np.exp(-given_logits))
    after = 1.0 / (1.0 + np.exp(-(found_scale * given_logits + found_bias)))
    assert expected_calibration_error(labels > 0.5, after) < 0.02
    if scale != 1.0:
        assert expected_calibration_error(labels > 0.5, before) > 0.05


@given(
    st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=1, max_size=20),
)
def test_the_order_of_scores_stays(pairs):
    logits, labels = np.array([p[0] for p in pairs]), np.array([float(p[1]) for p in pairs])
    scale, bias = fit_scale_and_bias(logits, labels)
    assert scale > 0.0
    assert np.isfinite(bias)


def test_a_perfect_separation_does_not_make_it_certain():
    scale, _ = fit_scale_and_bias([-1.0, 1.0], [0.0, 1.0])
    assert scale < 3.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_monotone([0.0], [np.inf]), "`outputs` must be finite"),
        (lambda: fit_monotone([], []), "N of 1 or more"),
        (lambda: fit_monotone([np.nan], [0.0]), "`inputs` and `outputs` must be finite"),
        (lambda: fit_scale_and_bias([0.0], [2.0]), r"`targets` lie in \[0, 1\]"),
        (lambda: fit_scale_and_bias([0.0], [1.0, 0.0]), "must have one shape"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
