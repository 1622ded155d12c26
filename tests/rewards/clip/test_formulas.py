"""Rewards on the unit sphere against the published matrices, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.clip.formulas import contrast, goal_baseline_reward, preference, rescaled
from kibble.rewards.errors import ShapingError


def unit(rng, *shape):
    x = rng.normal(size=shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def published(x, goals, baselines, alpha):
    """VLM-RM with its D x D projection, one frame at a time."""
    g, b = goals.mean(0), baselines.mean(0)
    d = (g - b)[:, None]
    projection = alpha * (d @ d.T) / (d * d).sum() + (1 - alpha) * np.eye(len(d))
    return np.array([1 - np.linalg.norm((one - g) @ projection) ** 2 / 2 for one in x])


@given(
    seed=st.integers(0, 2**16),
    width=st.integers(2, 40),
    goals=st.integers(1, 3),
    baselines=st.integers(1, 3),
    alpha=st.floats(0, 1),
)
def test_the_reward_is_the_published_one(seed, width, goals, baselines, alpha):
    rng = np.random.default_rng(seed)
    x, g, b = unit(rng, 5, width), unit(rng, goals, width), unit(rng, baselines, width)
    expected = published(x, g, b, alpha)
    got = goal_baseline_reward(x, g.mean(0), b.mean(0), alpha=alpha)
    np.testing.assert_allclose(got, expected, atol=1e-9)
    assert (got >= -1 - 1e-12).all()
    assert (got <= 1 + 1e-12).all()


@given(seed=st.integers(0, 2**16))
def test_without_alpha_it_is_the_cosine(seed):
    rng = np.random.default_rng(seed)
    x, g = unit(rng, 2, 3, 7), unit(rng, 7)
    np.testing.assert_allclose(goal_baseline_reward(x, g), x @ g, atol=1e-12)


def test_with_alpha_one_only_the_line_counts():
    rng = np.random.default_rng(0)
    x, g, b = unit(rng, 9), unit(rng, 9), unit(rng, 9)
    aside = rng.normal(size=9)
    aside -= aside @ (g - b) / ((g - b) @ (g - b)) * (g - b)
    moved = goal_baseline_reward(x + aside, g, b, alpha=1.0)
    assert moved == pytest.approx(goal_baseline_reward(x, g, b, alpha=1.0).item())
    assert moved != pytest.approx(goal_baseline_reward(x + aside, g, b, alpha=0.5).item())


@pytest.mark.parametrize(
    ("alpha", "baseline", "message"),
    [
        (1.5, None, r"`alpha` must lie in \[0, 1\], got 1.5"),
        (0.5, None, "needs a baseline, got alpha=0.5 and none"),
        (0.5, [1.0, 0.0], "Goal and baseline must differ"),
    ],
)
def test_alpha_that_means_nothing_is_refused(alpha, baseline, message):
    baseline = None if baseline is None else np.array(baseline)
    with pytest.raises(ShapingError, match=message):
        goal_baseline_reward(np.eye(2), np.array([1.0, 0.0]), baseline, alpha=alpha)


@given(seed=st.integers(0, 2**16))
def test_contrast_is_the_difference_of_cosines(seed):
    rng = np.random.default_rng(seed)
    x, n, p = unit(rng, 4, 6), unit(rng, 6), unit(rng, 6)
    np.testing.assert_allclose(contrast(x, n, p), x @ n - x @ p, atol=1e-12)
    probability = preference(x, p, n, temperature=100.0)
    logits = 100.0 * np.stack([x @ p, x @ n])
    softmax = np.exp(logits - logits.max(0))
    np.testing.assert_allclose(probability, softmax[0] / softmax.sum(0), atol=1e-9)
    np.testing.assert_allclose(probability + preference(x, n, p, temperature=100.0), 1.0)


def test_rescaling_clips_turns_and_knows_an_empty_range():
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert rescaled(values, np.array(0.0), np.array(1.0)).tolist() == [0, 0, 0.5, 1, 1]
    assert rescaled(values, np.array(1.0), np.array(0.0)).tolist() == [1, 1, 0.5, 0, 0]
    assert rescaled(values, np.array(0.5), np.array(0.5)).tolist() == [0, 0, 1, 1, 1]
