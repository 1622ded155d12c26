"""Recognition and calibration of success."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.metrics.success import (
    brier_score,
    expected_calibration_error,
    f1_score,
    reliability,
    roc_auc,
)

SAMPLES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])), max_size=20
)


def columns(rows):
    return [label for label, _ in rows], [score for _, score in rows]


@given(SAMPLES)
def test_auc_is_the_share_of_pairs_in_order(rows):
    positive = [score for label, score in rows if label]
    negative = [score for label, score in rows if not label]
    auc = roc_auc(*columns(rows))
    if not positive or not negative:
        assert np.isnan(auc)
        return
    wins = np.mean([(p > q) + 0.5 * (p == q) for p in positive for q in negative])
    assert auc == pytest.approx(wins)


@given(SAMPLES)
def test_auc_knows_only_the_order(rows):
    labels, scores = columns(rows)
    assert roc_auc(labels, np.square(scores)) == pytest.approx(
        roc_auc(labels, scores), nan_ok=True
    )


@given(SAMPLES)
def test_f1_is_the_harmonic_mean(rows):
    labels, scores = (np.array(column) for column in (*columns(rows),))
    f1 = f1_score(labels, scores)
    if not rows or (not labels.any() and not (scores >= 0.5).any()):
        assert np.isnan(f1)
        return
    hits = float((labels & (scores >= 0.5)).sum())
    precision = hits / max(1.0, float((scores >= 0.5).sum()))
    recall = hits / max(1.0, float(labels.sum()))
    expected = 2 * precision * recall / (precision + recall) if hits else 0.0
    assert f1 == pytest.approx(expected)


@given(SAMPLES)
def test_ece_lies_between_the_gap_of_means_and_one(rows):
    labels, scores = columns(rows)
    ece = expected_calibration_error(labels, scores)
    if not rows:
        assert np.isnan(ece)
        return
    assert abs(np.mean(labels) - np.mean(scores)) - 1e-12 <= ece <= 1.0
    one_bin = expected_calibration_error(labels, scores, bins=1)
    assert one_bin == pytest.approx(abs(np.mean(labels) - np.mean(scores)))


@given(SAMPLES)
def test_bins_hold_every_sample(rows):
    assert reliability(*columns(rows)).count.sum() == len(rows)


def test_honest_probabilities_have_no_calibration_error():
    scores = np.repeat([0.1, 0.5, 0.9], 10)
    labels = np.concatenate([np.arange(10) < k for k in (1, 5, 9)])
    assert expected_calibration_error(labels, scores) == pytest.approx(0.0, abs=1e-12)
    assert brier_score(labels, scores) == pytest.approx((2 * 0.09 + 0.25) / 3)


def test_scores_are_checked():
    with pytest.raises(ValueError, match=r"`scores` must lie in \[0, 1\], got 1.5"):
        roc_auc([True], [1.5])
    with pytest.raises(ValueError, match="must have one shape"):
        brier_score([True], [0.5, 0.5])
    with pytest.raises(ValueError, match="`bins` must be 1 or more"):
        reliability([True], [0.5], bins=0)
