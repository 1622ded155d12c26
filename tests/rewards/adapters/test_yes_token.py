"""The yes token: a probability read off the answer's first token, never a word parsed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.rewards.adapters.pixel_backend import (
    PixelBackend,
    brightness,
    frames,
    pictures_of,
    text_of,
)

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.yes_token import Options, YesTokenLayout, open_reward
from kibble.rewards.errors import ConfigError, FrameError, WeightsError
from kibble.rewards.types import RewardModel, Status, Task
from kibble.rewards.vlm.questions import Question, Rate, Ratings

TASK = Task(instruction="push the cube")


def judge(question: Question) -> tuple[float, ...]:
    """Probabilities of yes, Yes, no and No: surer the further the last picture is."""
    assert isinstance(question, Rate)
    assert question.answers == ("yes", "Yes", "no", "No")
    yes = max(0.9 * brightness(pictures_of(question)[-1]), 1e-9)
    return (yes / 3.0, 2.0 * yes / 3.0, 0.9 - yes + 1e-9, 1e-9)


def yes_token(backend: PixelBackend, **options: object) -> RewardModel:
    return GenerativeReward(YesTokenLayout(Options(**options)), backend)


@pytest.mark.parametrize(
    ("reference", "shown", "question"),
    [
        ("start", [0.2, 0.6], "clearly further along in image A than in image B?"),
        ("goal", [1.0, 0.6], "as far along in image A as in image B?"),
        ("none", [0.6], "Is the task finished in image A?"),
    ],
)
def test_the_reference_comes_before_the_newest_picture(
    reference: str, shown: list[float], question: str
) -> None:
    backend = PixelBackend(judge)
    model = yes_token(backend, reference=reference, criteria="Look at the cube alone.")
    task = Task(instruction="push the cube", goal_frames=frames(1.0))
    episode = model.begin(task, frames(0.2))
    assert episode.progress == pytest.approx(0.18, abs=0.005)
    model.estimate([episode], frames(0.6))
    (asked,) = backend.last
    assert [brightness(p) for p in pictures_of(asked)] == pytest.approx(shown, abs=0.01)
    text = text_of(asked)
    assert "The robot's task: push the cube\nLook at the cube alone.\n" in text
    assert text.endswith(f"{question} Answer with one word, yes or no.")
    assert text.index("Image A:\n<image>") > text.find("Image B, for reference:\n<image>")


def test_progress_is_the_probability_of_both_spellings() -> None:
    model = yes_token(PixelBackend(judge))
    episode = model.begin(TASK, frames(0.0))
    estimate = model.estimate([episode], frames(0.6))
    assert estimate.progress[0] == pytest.approx(0.54, abs=1e-3)
    assert estimate.success[0] == estimate.progress[0]
    p = 0.6
    bits = -(p * math.log2(p) + (1 - p) * math.log2(1 - p))
    assert estimate.confidence[0] == pytest.approx((1.0 - bits) * 0.9, abs=1e-3)


@pytest.mark.parametrize(
    "logprobs", [[np.nan] * 4, [0.5, -1.0, -1.0, -1.0], [-np.inf] * 4, [-1.0]]
)
def test_what_are_no_probabilities_is_a_status(logprobs: list[float]) -> None:
    broken = False

    def speak(question: Question) -> tuple[float, ...] | Ratings:
        return Ratings(logprobs=np.array(logprobs)) if broken else judge(question)

    model = yes_token(PixelBackend(speak))
    episode = model.begin(TASK, frames(0.0))
    broken = True
    assert model.estimate([episode], frames(0.6)).status[0] == Status.PARSE_ERROR


def test_a_goal_is_needed_only_where_it_is_the_reference() -> None:
    backend = PixelBackend(judge)
    assert yes_token(backend).spec.needs_goal is False
    model = yes_token(backend, reference="goal")
    assert model.spec.needs_goal is True
    with pytest.raises(ConfigError, match="needs `goal_frames`"):
        model.begin(TASK, frames(0.0))
    wrist = Task(instruction="push", goal_frames=frames(1.0, views=("wrist",)))
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(wrist, frames(0.0))


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="`reference` must be one of start, goal, none"):
        Options(reference="previous")
    with pytest.raises(ConfigError, match="plain words, got the sign '<image>'"):
        Options(criteria="like <image>")


def test_weights_are_named() -> None:
    with pytest.raises(WeightsError, match="name a vision-language model"):
        open_reward(None, Options(), None)
