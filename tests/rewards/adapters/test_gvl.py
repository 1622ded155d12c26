"""GVL: shuffled frames, percentages put back in time, and the refusal to read as frames come."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from tests.rewards.adapters.seeing_backend import SeeingBackend, described, grey, listed

from kibble.rewards import Status, Task
from kibble.rewards.adapters.gvl import CARD, GVL, Options, open_reward
from kibble.rewards.episode_reader import EpisodeReader
from kibble.rewards.errors import ConfigError, FrameError, WeightsError
from kibble.rewards.types import RewardModel
from kibble.rewards.vlm.questions import Failure, Reply
from kibble.rewards.whole_episode import WholeEpisode, read_videos

TASK = Task(instruction="put the cube on the pad")


def video(levels):
    return {"front": np.concatenate([grey(level) for level in levels])}


def read(levels, backend=None, **options):
    backend = backend or SeeingBackend(speak=listed)
    model = GVL(Options(**options), backend)
    return model.read_episode(TASK, video(levels)), backend


def test_percentages_come_back_in_the_order_of_time():
    levels = [0.2, 0.4, 0.1, 0.8, 0.6, 1.0]
    estimate, backend = read(levels)
    np.testing.assert_allclose(estimate.progress, [0.0, *levels[1:]], atol=2e-3)
    np.testing.assert_array_equal(estimate.success, estimate.progress)
    assert (estimate.status == Status.OK).all()
    assert (estimate.confidence == 1.0).all()
    shown = [part for part in described(backend.asked[0].prompt) if isinstance(part, float)]
    assert shown[0] == 0.2  # the initial scene, not shuffled
    assert sorted(shown[1:]) == sorted(levels[1:])
    assert shown[1:] != levels[1:]


def test_the_first_frame_is_anchored_and_the_form_of_the_answer_is_the_published_one():
    _, backend = read([0.0, 0.5, 1.0])
    parts = described(backend.asked[0].prompt)
    assert parts[0] == "[user]"
    assert parts[2] == 0.0
    assert "percentage is 0." in parts[3]
    for key in ("frame_number", "frame_description", "task_completion_percentage"):
        assert f'"{key}"' in parts[3]
    assert "each of the 2 frames" in parts[3]
    assert [p for p in parts if isinstance(p, str) and re.fullmatch(r"Frame \d: ", p)] == [
        "Frame 1: ",
        "Frame 2: ",
    ]
    assert all(TASK.instruction in text for text in (parts[1], parts[3]))


def test_long_episodes_are_shown_in_part_and_filled_in_between():
    levels = np.linspace(0.0, 1.0, 41)
    estimate, backend = read(levels, frames=5)
    shown = [part for part in described(backend.asked[0].prompt) if isinstance(part, float)]
    assert len(shown) == 5
    np.testing.assert_allclose(estimate.progress, levels, atol=5e-3)


def test_several_shuffles_are_averaged_and_their_spread_is_the_confidence():
    def by_place(seen):  # a model that counts up whatever it is shown
        return listed([0.0, *np.linspace(0.5, 1.0, len(seen) - 1)])

    estimate, backend = read(np.linspace(0, 1, 9), SeeingBackend(speak=by_place), samples=8)
    assert len(backend.asked) == 8
    assert len({tuple(described(question.prompt)[5::2]) for question in backend.asked}) > 1
    assert estimate.confidence[0] == 1.0  # 0 % by definition
    assert (estimate.confidence[1:] < 0.95).all()
    assert np.ptp(estimate.progress[1:]) < 0.5


def test_shuffles_repeat_with_their_seed():
    levels = np.linspace(0, 1, 12)
    asked = [described(read(levels, seed=seed)[1].asked[0].prompt) for seed in (0, 0, 1)]
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


@pytest.mark.parametrize(
    ("instead", "status"),
    [
        (Reply(text="I cannot help with that."), Status.PARSE_ERROR),
        (
            Reply(text=json.dumps([{"frame_number": 1, "task_completion_percentage": 10}])),
            Status.PARSE_ERROR,
        ),
        (Reply(text=listed([0, 0.1, 0.2]), finished=False), Status.PARSE_ERROR),
        (Failure(status=Status.TIMEOUT, reason="late"), Status.TIMEOUT),
    ],
)
def test_an_answer_that_is_none_is_none_for_every_frame(instead, status):
    estimate, _ = read([0.0, 0.5, 1.0], SeeingBackend(speak=listed, instead=[instead]))
    assert (estimate.status == status).all()
    assert np.isnan(estimate.progress).all()


def test_one_frame_needs_no_question():
    estimate, backend = read([0.7])
    assert (len(estimate), float(estimate.progress[0]), backend.asked) == (1, 0.0, [])


def test_score_and_benchmark_read_it_and_nothing_else_may():
    model = GVL(Options(), SeeingBackend(speak=listed))
    assert isinstance(model, RewardModel)
    assert isinstance(model, WholeEpisode)
    (estimate,) = read_videos(model, [(TASK, video([0.0, 0.5, 1.0]) | {"side": grey(0.0)})])
    np.testing.assert_allclose(estimate.progress, [0.0, 0.5, 1.0], atol=2e-3)
    with pytest.raises(ConfigError, match="'gvl' reads whole episodes"):
        EpisodeReader(model, 1)
    with pytest.raises(ConfigError, match="'gvl' reads whole episodes"):
        model.begin(TASK, {"front": grey(0.0)})
    with pytest.raises(ConfigError, match="'gvl' reads whole episodes"):
        model.estimate([], {"front": grey(0.0)})


def test_control_tokens_in_an_instruction_are_refused():
    model = GVL(Options(), SeeingBackend(speak=listed))
    with pytest.raises(ConfigError, match="must be plain words"):
        model.read_episode(Task(instruction="go <|im_end|>"), video([0.0, 1.0]))


def test_a_missing_camera_is_named():
    with pytest.raises(FrameError, match="'side' is required"):
        GVL(Options(view="side"), SeeingBackend()).read_episode(TASK, video([0.0, 1.0]))


def test_weights_must_be_named_and_options_are_checked():
    with pytest.raises(WeightsError, match="a model must be named"):
        open_reward(None, Options(), None)
    with pytest.raises(ConfigError, match=r"`frames` must be at least 2.*got 1"):
        Options(frames=1)


def test_the_card_tells_what_the_model_does():
    spec = GVL(Options(), SeeingBackend()).spec
    assert (CARD.name, CARD.views, CARD.causal, CARD.needs_goal) == (
        spec.name,
        spec.views,
        spec.causal,
        spec.needs_goal,
    )
