"""Trend words: two clips of the last five frames, as RLinf's own processor call shows them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tests.rewards.adapters.pixel_backend import (
    PixelBackend,
    brightness,
    frames,
    spoken,
    text_of,
)
from tests.rewards.vlm import tiny_models

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.published_prompt import prompt_text
from kibble.rewards.adapters.trend import Options, TrendLayout
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, Estimate, RewardModel, Status, Task
from kibble.rewards.vlm.prompt import Clip
from kibble.rewards.vlm.questions import Question, Say

VIEWS = ("front", "side")
TASK = Task(instruction="push the cube")


def clips_of(question: Question) -> list[Clip]:
    return [part for part in question.prompt.turns[0].parts if isinstance(part, Clip)]


def judge(question: Question) -> str:
    """What a perfect model says: whether the clip ends further than it began."""
    shown = [brightness(picture) for picture in clips_of(question)[0].frames]
    change = shown[-1] - shown[0]
    return "positive" if change > 0.02 else "negative" if change < -0.02 else "unclear"


def trend(backend: PixelBackend, **options: object) -> RewardModel:
    return GenerativeReward(TrendLayout(Options(**options)), backend)


def read(model: RewardModel, episode: Episode, progress: float, views=VIEWS) -> Estimate:
    return model.estimate([episode], frames(progress, views=views))


def test_two_clips_of_the_same_frames_come_before_the_words() -> None:
    backend = PixelBackend(judge)
    model = trend(backend)
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    for progress in (0.1, 0.2, 0.3, 0.4, 0.5):
        read(model, episode, progress)
    (question,) = backend.last
    assert isinstance(question, Say)
    assert question.max_tokens == 16
    assert text_of(question) == prompt_text("trend").replace("{task}", "push the cube")
    first, between, second, words = question.prompt.turns[0].parts
    assert isinstance(first, Clip)
    assert isinstance(second, Clip)
    assert between == "\n"
    assert str(words).startswith("\n\nYou are currently performing the task: push the cube. ")
    for clip, view in ((first, "front"), (second, "side")):
        assert clip.fps == 24.0
        for picture, progress in zip(clip.frames, (0.1, 0.2, 0.4, 0.5), strict=True):
            expected = frames(progress, views=VIEWS)[view][0]
            np.testing.assert_array_equal(picture.pixels, expected)


def test_the_frames_shown_are_those_that_the_authors_processor_samples() -> None:
    """RLinf hands five frames at 24 per second to Qwen3-VL's processor with default sampling."""
    import transformers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        processor = transformers.AutoProcessor.from_pretrained(tiny_models.qwen3_vl())
    five = np.stack([np.full((64, 64, 3), 50 * i, np.uint8) for i in range(5)])
    text = "<|im_start|>user\n<|video_pad|>\n\npush<|im_end|>\n<|im_start|>assistant\n"
    metadata = [[{"total_num_frames": 5, "fps": 24.0}]]
    theirs = processor(
        text=[text],
        videos=[[five]],
        videos_kwargs={"video_metadata": metadata},
        return_tensors="pt",
    )
    backend = PixelBackend(judge)
    model = trend(backend)
    start = dict.fromkeys(VIEWS, five[:1])
    episode = model.begin(TASK, start)
    for i in range(1, 5):
        model.estimate([episode], dict.fromkeys(VIEWS, five[i : i + 1]))
    clip = clips_of(backend.last[0])[0]
    shown = np.stack([picture.pixels for picture in clip.frames])
    whole = {"total_num_frames": len(shown), "fps": clip.fps}
    whole["frames_indices"] = list(range(len(shown)))
    ours = processor(
        text=[text],
        videos=[[shown]],
        videos_kwargs={"video_metadata": [[whole]], "do_sample_frames": False},
        return_tensors="pt",
    )
    assert ours["input_ids"].tolist() == theirs["input_ids"].tolist()
    assert (ours["pixel_values_videos"] == theirs["pixel_values_videos"]).all()


def test_nothing_is_asked_before_five_frames() -> None:
    backend = PixelBackend(judge)
    model = trend(backend, step=0.1)
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    estimates = [read(model, episode, p) for p in (0.1, 0.2, 0.3)]
    assert backend.asked == []
    assert [float(e.progress[0]) for e in estimates] == [0.0] * 3
    assert [int(e.status[0]) for e in estimates] == [Status.OK] * 3
    assert read(model, episode, 0.4).progress[0] == pytest.approx(0.1)


def test_words_move_the_progress_as_they_are_paid() -> None:
    words = iter(["positive", "Positive.", "negative", "unclear", "negative", "negative"])
    model = trend(PixelBackend(lambda question: next(words)), step=0.1)
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    values = [float(read(model, episode, p / 10).progress[0]) for p in range(1, 10)]
    assert values[3:] == pytest.approx([0.1, 0.2, 0.18, 0.18, 0.16, 0.14])


def test_progress_stays_in_its_range() -> None:
    words = iter(["negative", "positive", "positive", "positive"])
    model = trend(PixelBackend(lambda question: next(words)), step=0.6)
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    values = [float(read(model, episode, p / 10).progress[0]) for p in range(1, 8)]
    assert values[3:] == pytest.approx([0.0, 0.6, 1.0, 1.0])


@pytest.mark.parametrize("said", ["", "good", "positive or negative", '{"trend": "positive"}'])
def test_other_words_are_a_status_and_time_goes_on(said: str) -> None:
    answers = iter([said, "positive"])
    backend = PixelBackend(lambda question: next(answers))
    model = trend(backend)
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    for progress in (0.1, 0.2, 0.3):
        read(model, episode, progress)
    assert read(model, episode, 0.4).status[0] == Status.PARSE_ERROR
    assert read(model, episode, 0.5).progress[0] == pytest.approx(0.05)
    shown = [brightness(picture) for picture in clips_of(backend.last[0])[0].frames]
    assert shown == pytest.approx([0.1, 0.2, 0.4, 0.5], abs=0.01)  # frames follow each other


@pytest.mark.parametrize(("missing", "shown"), [("repeat", 0.5), ("blank", 0.0)])
def test_a_missing_third_person_view_is_stood_in_for(missing: str, shown: float) -> None:
    backend = PixelBackend(judge)
    model = trend(backend, missing_view=missing)
    episode = model.begin(TASK, frames(0.5))
    for _ in range(4):
        read(model, episode, 0.5, ("front",))
    front, other = clips_of(backend.last[0])
    assert [brightness(p) for p in front.frames] == pytest.approx([0.5] * 4, abs=0.01)
    assert [brightness(p) for p in other.frames] == pytest.approx([shown] * 4, abs=0.01)


def test_a_missing_third_person_view_is_flagged() -> None:
    backend = PixelBackend(judge)
    model = trend(backend, missing_view="flag")
    episode = model.begin(TASK, frames(0.0))
    assert read(model, episode, 0.5, ("front",)).status[0] == Status.MISSING_VIEW
    assert backend.asked == []


def test_confidence_is_the_probability_of_the_word() -> None:
    model = trend(PixelBackend(lambda question: spoken("unclear", probability=0.25)))
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    confidence = [float(read(model, episode, 0.1).confidence[0]) for _ in range(4)]
    assert confidence == [1.0, 1.0, 1.0, pytest.approx(0.25)]


def test_a_restored_episode_goes_on() -> None:
    model = trend(PixelBackend(judge))
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    for progress in (0.1, 0.2, 0.3, 0.4):
        read(model, episode, progress)
    again = restored_episode(episode_state(episode))
    assert read(model, again, 0.5).progress[0] == read(model, episode, 0.5).progress[0] > 0.0


def test_constrained_answers_are_the_three_words() -> None:
    backend = PixelBackend(judge)
    model = trend(backend, constrain=True)
    episode = model.begin(TASK, frames(0.0, views=VIEWS))
    for _ in range(4):
        read(model, episode, 0.5)
    assert [q.choices for q in backend.last if isinstance(q, Say)] == [
        ("positive", "negative", "unclear")
    ]


def test_a_step_is_a_share_of_the_way() -> None:
    with pytest.raises(ConfigError, match="`step` must lie in"):
        Options(step=1.5)
