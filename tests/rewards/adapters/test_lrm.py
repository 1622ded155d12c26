"""LRM: each question in its published form, to its own adapter, and the mean of the three."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.adapters.pixel_backend import (
    PixelBackend,
    brightness,
    frames,
    pictures_of,
    spoken,
    text_of,
)

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.lrm import LrmLayout, Options
from kibble.rewards.adapters.published_prompt import prompt_text
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError, FrameError, ModelError
from kibble.rewards.types import Episode, Estimate, RewardModel, Status, Task
from kibble.rewards.vlm.questions import Question, Reply, Say
from kibble.rewards.vlm.readouts.json_answer import json_choice, json_number

TASK = Task(instruction="push the cube")


def say(question: Question) -> str:
    """What a perfect model says to each of the three questions."""
    shown = [brightness(picture) for picture in pictures_of(question)]
    if question.adapter == "contrastive":
        side = "ImageB" if shown[1] > shown[0] else "ImageA"
        return f'The cube moved.\n{{ "more_complete_image": "{side}" }}'
    if question.adapter == "progress":
        return f'{{ "completion_progress": {round(shown[-1], 1)} }}'
    assert question.adapter == "completion"
    return f'{{ "task_completed": "{"yes" if shown[-1] > 0.95 else "no"}" }}'


def lrm(backend: PixelBackend, **options: object) -> RewardModel:
    return GenerativeReward(LrmLayout(Options(**options)), backend)


def read(model: RewardModel, episode: Episode, progress: float) -> Estimate:
    return model.estimate([episode], frames(progress))


def asked(name: str) -> str:
    return prompt_text(name).replace("{task}", "push the cube")


@pytest.mark.parametrize(
    ("initial", "goal", "name", "shown"),
    [
        (False, False, "lrm_progress", [0.6]),
        (True, False, "lrm_progress_initial", [0.2, 0.6]),
        (False, True, "lrm_progress_goal", [1.0, 0.6]),
        (True, True, "lrm_progress_goal_initial", [1.0, 0.2, 0.6]),
    ],
)
def test_progress_shows_goal_start_and_now_in_this_order(
    initial: bool, goal: bool, name: str, shown: list[float]
) -> None:
    backend = PixelBackend(say)
    model = lrm(backend, initial=initial)
    task = Task(instruction="push the cube", goal_frames=frames(1.0) if goal else None)
    episode = model.begin(task, frames(0.2))
    assert episode.progress == pytest.approx(0.2)  # the start is asked about too
    assert read(model, episode, 0.6).progress[0] == pytest.approx(0.6)
    (question,) = backend.last
    assert isinstance(question, Say)
    assert question.adapter == "progress"
    assert question.max_tokens == 128
    assert text_of(question) == asked(name)
    assert [brightness(p) for p in pictures_of(question)] == pytest.approx(shown, abs=0.01)


def test_contrastive_shows_the_frame_before_and_then_the_newest() -> None:
    backend = PixelBackend(say)
    model = lrm(backend, mode="contrastive", step=0.1)
    episode = model.begin(TASK, frames(0.2))
    assert episode.progress == 0.0
    assert backend.asked == []
    values = [read(model, episode, p).progress[0] for p in (0.5, 0.8, 0.8, 0.3)]
    assert values == pytest.approx([0.1, 0.2, 0.2, 0.1])
    (question,) = backend.last
    assert isinstance(question, Say)
    assert question.adapter == "contrastive"
    assert question.max_tokens == 512
    assert text_of(question) == asked("lrm_contrastive")
    assert [brightness(p) for p in pictures_of(question)] == pytest.approx([0.8, 0.3], abs=0.01)
    assert len(backend.asked) == 3  # equal frames were not compared


def test_contrastive_progress_stays_in_its_range() -> None:
    model = lrm(PixelBackend(say), mode="contrastive", step=0.6)
    episode = model.begin(TASK, frames(0.5))
    values = [read(model, episode, p).progress[0] for p in (0.4, 0.5, 0.6, 0.7)]
    assert values == pytest.approx([0.0, 0.6, 1.0, 1.0])


def test_completion_is_asked_of_one_picture() -> None:
    backend = PixelBackend(say)
    model = lrm(backend, mode="completion")
    episode = model.begin(TASK, frames(0.2))
    estimate = [read(model, episode, p) for p in (0.5, 1.0)]
    assert [float(e.progress[0]) for e in estimate] == [0.0, 1.0]
    assert [float(e.success[0]) for e in estimate] == [0.0, 1.0]
    (question,) = backend.last
    assert question.adapter == "completion"
    assert text_of(question) == asked("lrm_completion")
    before, _, after = question.prompt.turns[0].parts
    assert str(before).endswith("- Current observation:")  # stripped, as the authors do
    assert str(after).startswith("Has the task been completed?")


def test_tri_is_the_mean_of_three_with_the_comparison_rescaled() -> None:
    backend = PixelBackend(say)
    model = lrm(backend, mode="tri")
    episode = model.begin(TASK, frames(0.2))
    assert episode.progress == pytest.approx((0.0 + 0.2 + 0.0) / 3.0)  # nothing before the start
    assert [question.adapter for question in backend.last] == ["progress", "completion"]
    expected = {0.6: (1.0 + 0.6 + 0.0) / 3.0, 0.4: (0.0 + 0.4 + 0.0) / 3.0, 1.0: 1.0}
    for progress, value in expected.items():
        estimate = read(model, episode, progress)
        assert estimate.progress[0] == pytest.approx(value, abs=1e-6)
        assert estimate.success[0] == float(progress == 1.0)
        heads = [question.adapter for question in backend.last]
        assert heads == ["contrastive", "progress", "completion"]
    still = read(model, episode, 1.0)
    assert still.progress[0] == pytest.approx((0.5 + 1.0 + 1.0) / 3.0)
    assert [question.adapter for question in backend.last] == ["progress", "completion"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("progress", '{ "completion_progress": "NA" }'),
        ("progress", "Progress: 0.4"),
        ("progress", '{ "completion_progress": 4 }'),
        ("progress", '{ "progress": 0.4 }'),
        ("completion", "yes"),
        ("completion", '{ "task_completed": true }'),
        ("completion", '{ "task_completed": "maybe" }'),
        ("contrastive", "ImageB"),
        ("contrastive", '{ "more_complete_image": "A" }'),
        ("contrastive", '{ "more_complete_image": "ImageA" } or "ImageB"'),
    ],
)
def test_what_does_not_follow_the_grammar_is_a_status(mode: str, said: str) -> None:
    broken = False

    def speak(question: Question) -> str:
        return said if broken else say(question)

    model = lrm(PixelBackend(speak), mode=mode)
    episode = model.begin(TASK, frames(0.2))
    broken = True
    assert read(model, episode, 0.6).status[0] == Status.PARSE_ERROR
    broken = False
    assert read(model, episode, 0.7).status[0] == Status.OK


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    cut = Reply(text='{ "completion_progress": 0.1 }', finished=False)
    model = lrm(PixelBackend(lambda question: cut))
    with pytest.raises(ModelError, match="cut off"):
        model.begin(TASK, frames(0.2))


def test_one_unreadable_head_spoils_the_mean() -> None:
    opened = False

    def speak(question: Question) -> str:
        return "no idea" if opened and question.adapter == "completion" else say(question)

    model = lrm(PixelBackend(speak), mode="tri")
    episode = model.begin(TASK, frames(0.2))
    opened = True
    assert read(model, episode, 0.6).status[0] == Status.PARSE_ERROR


@pytest.mark.parametrize(
    ("sure", "expected"),
    [
        ({"contrastive": 0.4, "progress": 1.0, "completion": 0.7}, 0.4),
        ({"contrastive": 0.9, "progress": 0.4, "completion": 0.7}, 1.0 - np.sqrt(0.6)),
    ],
)
def test_confidence_is_the_least_of_the_questions(sure: dict[str, float], expected: float) -> None:
    backend = PixelBackend(lambda q: spoken(say(q), probability=sure[q.adapter]))
    model = lrm(backend, mode="tri")
    episode = model.begin(TASK, frames(0.2))
    assert read(model, episode, 0.6).confidence[0] == pytest.approx(expected)


@pytest.mark.parametrize("mode", ["contrastive", "progress", "completion", "tri"])
def test_constrained_answers_are_all_that_the_prompts_allow(mode: str) -> None:
    backend = PixelBackend(say)
    model = lrm(backend, mode=mode, constrain=True)
    episode = model.begin(TASK, frames(0.2))
    read(model, episode, 0.6)
    for question in backend.last:
        assert isinstance(question, Say)
        assert question.choices is not None
        if question.adapter == "progress":
            values = [
                json_number(text, "completion_progress", low=0, high=1)
                for text in question.choices
            ]
            assert values == pytest.approx(np.arange(11) / 10.0)
        elif question.adapter == "contrastive":
            words = {"ImageA": -1, "ImageB": 1}
            key = "more_complete_image"
            assert [json_choice(text, key, words) for text in question.choices] == [-1, 1]
        else:
            words = {"yes": 1, "no": 0}
            key = "task_completed"
            assert [json_choice(text, key, words) for text in question.choices] == [1, 0]


@pytest.mark.parametrize("mode", ["contrastive", "tri"])
def test_a_restored_episode_goes_on(mode: str) -> None:
    model = lrm(PixelBackend(say), mode=mode)
    task = Task(instruction="push", goal_frames=frames(1.0))
    episode = model.begin(task, frames(0.2))
    read(model, episode, 0.6)
    again = restored_episode(episode_state(episode))
    assert read(model, again, 0.4).progress[0] == read(model, episode, 0.4).progress[0]


def test_a_goal_shows_the_camera() -> None:
    task = Task(instruction="push", goal_frames=frames(1.0, views=("wrist",)))
    with pytest.raises(FrameError, match="View 'front' is required"):
        lrm(PixelBackend(say)).begin(task, frames(0.2))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"mode": "compare"}, "`mode` must be one of contrastive, progress, completion, tri"),
        ({"step": 0.0}, "`step` must lie in"),
    ],
)
def test_options_are_checked(options: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        Options(**options)
