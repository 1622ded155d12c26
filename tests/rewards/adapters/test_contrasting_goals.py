"""VLM-RL's reward over a tiny model, against the published steps."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.vlm import tiny_models

from kibble.rewards import Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.causal import read_causally
from kibble.rewards.clip.opening import open_encoder
from kibble.rewards.errors import ConfigError

NEGATIVE = "two cars have collided with each other on the road"
POSITIVE = "the road is clear with no car accidents"
TASK = Task(instruction="drive safely")


def video(seed=0, count=12):
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (count, 3, 3, 3), dtype=np.uint8)
    return {"front": np.kron(colours, np.ones((1, 16, 16, 1), np.uint8))}


def published(images, threshold):
    """Difference of cosines, clipped to [0, threshold], turned round: in float64."""
    encoder = open_encoder(str(tiny_models.clip()))
    x = encoder.pictures(images).astype(np.float64)
    y = x @ encoder.sentences([NEGATIVE, POSITIVE]).astype(np.float64).T
    return 1 - np.clip(y[:, 0] - y[:, 1], 0.0, threshold) / threshold


@pytest.mark.parametrize("threshold", [0.03, 0.4])
def test_the_reward_is_the_published_one(threshold):
    frames = video()
    model = open_model(
        f"contrasting_goals@{tiny_models.clip()}?dtype=float32&negative={NEGATIVE}"
        f"&positive={POSITIVE}&high={threshold}"
    )
    (read,) = read_causally(model, [(TASK, frames)])
    expected = published(frames["front"], threshold)
    np.testing.assert_allclose(read.progress, expected, atol=1e-4)
    assert np.ptp(expected) > 0.1


def test_the_instruction_is_what_should_be():
    asked = open_model(f"contrasting_goals@{tiny_models.clip()}?negative=x&positive={POSITIVE}")
    left = open_model(f"contrasting_goals@{tiny_models.clip()}?negative=x")
    (expected,) = read_causally(asked, [(TASK, video())])
    (read,) = read_causally(left, [(Task(instruction=POSITIVE), video())])
    np.testing.assert_array_equal(read.progress, expected.progress)
    np.testing.assert_array_equal(read.success, expected.success)


def test_several_sentences_are_averaged_and_success_follows_the_contrast():
    model = open_model(
        f"contrasting_goals@{tiny_models.clip()}?negative=a&negative=b&positive=c&low=-2&high=2"
    )
    (read,) = read_causally(model, [(TASK, video())])
    order = np.argsort(read.progress)
    assert (np.diff(read.success[order]) >= -1e-6).all()
    assert np.ptp(read.progress) > 1e-3
    encoder = open_encoder(str(tiny_models.clip()))
    a, b, c = encoder.sentences(["a", "b", "c"])
    z = encoder.pictures(video()["front"]) @ ((a + b) / 2 - c)
    np.testing.assert_allclose(read.progress, (2 - z) / 4, atol=0.02)  # bfloat16 where native


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("positive=x", "`negative` of contrasting_goals must say what must not be, got"),
        ("negative=x&positive= ", "`negative` of contrasting_goals must say"),
        (
            "negative=x&low=0.1",
            "`low` of contrasting_goals must be below `high`, got 0.1 and 0.03",
        ),
    ],
)
def test_options_that_mean_nothing_are_refused(query, message):
    with pytest.raises(ConfigError, match=message):
        open_model(f"contrasting_goals@{tiny_models.clip()}?{query}")
