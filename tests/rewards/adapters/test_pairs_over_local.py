"""The pairwise reward models end to end: reference, tiny weights, questions, answers, progress."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.rewards.adapters.tiny_pairs import (
    NAMES,
    SPOKEN,
    noise,
    opened,
    recorded,
    reference,
    task,
)
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.tiny_adapters import lora

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards.adapters import grm, lrm
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.pictures import frame_pictures
from kibble.rewards.catalogue import open_model
from kibble.rewards.causal import read_causally
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ModelError
from kibble.rewards.types import Episode, Estimate, RewardModel, Status
from kibble.rewards.vlm.questions import Reply, Say


def run(model: RewardModel, episode: Episode, seeds: range) -> list[Estimate]:
    return [model.estimate([episode], noise(seed)) for seed in seeds]


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_of_a_video_is_read(name: str) -> None:
    told = []
    for video in (noise(0, n=6), noise(1, n=6)):
        model, recorder = recorded(opened(name))
        (estimate,) = read_causally(model, [(task(), video)])
        assert estimate.status.tolist() == [Status.OK] * 6
        values = np.stack([estimate.progress, estimate.success, estimate.confidence])
        assert ((values >= 0.0) & (values <= 1.0)).all()
        told.append(recorder.logprobs())
    assert told[0] != told[1]  # what is seen matters


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_episode_goes_on_as_if_it_had_not(name: str, tmp_path: Path) -> None:
    model = opened(name)
    episode = model.begin(task(), noise(0))
    run(model, episode, range(1, 5 if name == "trend" else 3))
    save_tree(tmp_path / "state", {"episode": episode_state(episode)})
    again = restored_episode(load_tree(tmp_path / "state")["episode"])
    for one, other in zip(
        run(model, episode, range(6, 8)), run(model, again, range(6, 8)), strict=True
    ):
        np.testing.assert_array_equal(one.progress, other.progress)
        np.testing.assert_array_equal(one.confidence, other.confidence)


@pytest.mark.parametrize("name", SPOKEN)
def test_what_a_random_model_says_is_never_a_number(name: str) -> None:
    model = opened(name, constrain=False)
    if name == "lrm":  # it is asked about the start as well
        with pytest.raises(ModelError, match="must read the start frames, got PARSE_ERROR"):
            model.begin(task(), noise(0))
        return
    episode = model.begin(task(), noise(0))
    estimates = run(model, episode, range(1, 7))[-2:]  # trend words need five frames
    assert [int(estimate.status[0]) for estimate in estimates] == [Status.PARSE_ERROR] * 2
    assert all(np.isnan(estimate.progress[0]) for estimate in estimates)
    assert episode.progress == 0.0


def test_hops_are_the_same_without_any_cache() -> None:
    plain = open_model(reference("grm", constrain="true", cache_mb="0", batch="1"))
    assert isinstance(plain, GenerativeReward)
    assert opened("grm").spec.version == plain.spec.version
    progress, told = [], []
    for model in (opened("grm"), plain):
        watched, recorder = recorded(model)
        (estimate,) = read_causally(watched, [(task(), noise(5, n=4))])
        progress.append(estimate.progress)
        told.append(recorder.logprobs())
    np.testing.assert_array_equal(*progress)
    np.testing.assert_allclose(*told, atol=1e-3)


def test_samples_are_drawn_apart_and_the_same_again() -> None:
    options = grm.Options(reading="forward", constrain=True, samples=4, temperature=20.0)
    model = GenerativeReward(grm.GrmLayout(options), opened("grm").backend)
    values = []
    for _ in range(2):
        episode = model.begin(task(), noise(0))
        estimate = run(model, episode, range(1, 2))[0]
        assert estimate.status[0] == Status.OK
        assert 0.0 < estimate.confidence[0] < 1.0  # not all four said the same
        values.append((float(estimate.progress[0]), float(estimate.confidence[0])))
    assert values[0] == values[1]


def test_each_question_of_lrm_is_answered_by_its_own_adapter() -> None:
    model = opened("lrm")
    episode = model.begin(task(), noise(0))
    layout = lrm.LrmLayout(lrm.Options(mode="completion", constrain=True))
    (question,) = layout.questions(episode, frame_pictures(noise(1)))
    assert isinstance(question, Say)
    logprobs = []
    for adapter in ("contrastive", "progress", "completion", ""):
        (reply,) = model.backend.answer([replace(question, adapter=adapter)])
        assert isinstance(reply, Reply)
        logprobs.append(tuple(token.logprob for token in reply.tokens))
    assert len(set(logprobs)) == 4


def test_trend_words_may_come_from_an_adapter() -> None:
    adapter = str(lora(tiny_models.qwen3_vl(), seed=7))
    tuned = open_model(reference("trend", constrain="true", adapter=adapter))
    assert isinstance(tuned, GenerativeReward)
    told = []
    for model in (opened("trend"), tuned):
        watched, recorder = recorded(model)
        episode = watched.begin(task(), noise(0))
        assert run(watched, episode, range(1, 5))[-1].status[0] == Status.OK
        assert {question.adapter for question, _ in recorder.heard} == {
            "" if model is opened("trend") else "trend"
        }
        told.append(recorder.logprobs())
    assert told[0] != told[1]
