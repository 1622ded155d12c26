"""The embedded reward model's contract, on a network too small to know anything."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from tests.tiny_grm import SIDE, noise_frames, saved

from kibble.rewards import RewardModel, Status, Task
from kibble.rewards.embedding import Embedder
from kibble.rewards.errors import FrameError
from kibble.rewards.loading import load

RED, BLUE = Task(instruction="push the red cube"), Task(instruction="push the blue cube")


@pytest.fixture
def model(tmp_path):
    return load(saved(tmp_path), dtype=torch.float32)


@pytest.fixture
def encoded(model, monkeypatch):
    """Numbers of images in each call of the image encoder."""
    counts: list[int] = []
    model.network.encoder.register_forward_pre_hook(
        lambda module, inputs: counts.append(len(inputs[0]))
    )
    return counts


def hops(model, task, frames):
    """Hop logits, which differ even where clipped progress would not."""
    episode = model.begin(task, noise_frames(1))
    model.estimate([episode], frames)
    memory = episode.memory
    with torch.inference_mode():
        return model.network.fuse(memory["context"], None, memory["last"]).logits.numpy()


def test_it_is_a_reward_model_and_an_embedder(model):
    assert isinstance(model, RewardModel)
    assert isinstance(model, Embedder)
    assert model.spec.views == ("front", "wrist")
    assert model.spec.required_views == ("front",)
    assert model.spec.image_size == (SIDE, SIDE)


def test_estimates_are_in_range_and_the_episode_follows(model):
    episodes = [model.begin(RED, noise_frames(1, seed)) for seed in range(3)]
    assert all(0.0 <= episode.progress <= 1.0 for episode in episodes)
    estimate = model.estimate(episodes, noise_frames(3, 7))
    assert (estimate.status == Status.OK).all()
    assert estimate.progress.dtype == np.float32
    np.testing.assert_array_equal(estimate.progress, [episode.progress for episode in episodes])
    assert [episode.steps for episode in episodes] == [1, 1, 1]


def test_the_instruction_changes_the_reading_and_so_does_word_order(model):
    frames = noise_frames(1, 5)
    red = hops(model, RED, frames)
    assert np.abs(red - hops(model, BLUE, frames)).max() > 1e-4
    reordered = Task(instruction="cube red the push")
    assert np.abs(red - hops(model, reordered, frames)).max() > 1e-5
    np.testing.assert_array_equal(red, hops(model, Task(instruction="Push the RED cube."), frames))


def test_each_frame_is_encoded_once(model, encoded):
    episodes = [model.begin(task, noise_frames(1)) for task in (RED, BLUE)]
    assert encoded == [2]  # the same start frames serve both episodes
    frames = noise_frames(2, 1)
    model.estimate(episodes, frames)
    model.embed(frames)
    assert encoded == [2, 4]


def test_goal_frames_are_encoded_once_and_change_the_reading(model, encoded):
    goal = Task(instruction=RED.instruction, goal_frames=noise_frames(1, 9))
    episode = model.begin(goal, noise_frames(1))
    assert encoded == [2, 2]
    assert "goal" in episode.memory
    plain = model.begin(RED, noise_frames(1))
    frames = {view: array.repeat(2, axis=0) for view, array in noise_frames(1, 3).items()}
    estimate = model.estimate([episode, plain], frames)
    assert estimate.progress[0] != estimate.progress[1]


def test_a_batch_equals_single_calls(model):
    frames = noise_frames(4, 3)
    tasks = [RED, BLUE, RED, BLUE]
    episodes = [model.begin(task, noise_frames(1, i)) for i, task in enumerate(tasks)]
    together = model.estimate(episodes, frames)
    for i, task in enumerate(tasks):
        single = model.begin(task, noise_frames(1, i))
        one = model.estimate([single], {view: a[i : i + 1] for view, a in frames.items()})
        for name in ("progress", "success", "confidence"):
            np.testing.assert_allclose(
                getattr(one, name)[0], getattr(together, name)[i], atol=1e-5
            )


def test_the_same_frames_give_the_same_estimate(tmp_path):
    first, second = (load(saved(tmp_path)) for _ in range(2))
    readings = [
        model.estimate([model.begin(RED, noise_frames(1))], noise_frames(1, 1)).success
        for model in (first, second)
    ]
    np.testing.assert_array_equal(*readings)


def test_an_optional_view_may_be_missing_a_required_one_not(model):
    episode = model.begin(RED, noise_frames(1, views=("front",)))
    estimate = model.estimate([episode], noise_frames(1, 1, views=("front",)))
    assert (estimate.status == Status.OK).all()
    embedding = model.embed(noise_frames(1, 1, views=("front",)))
    assert (embedding[:, model.embedding_size // 2 :] == 0.0).all()
    with pytest.raises(FrameError, match=r"View 'front' is required, got views \['wrist'\]"):
        model.begin(RED, noise_frames(1, views=("wrist",)))
    with pytest.raises(FrameError, match="'front' is required"):
        model.estimate([episode], noise_frames(1, views=("wrist",)))


def test_views_and_sizes_that_it_does_not_know_are_fitted(model):
    frames = noise_frames(1)
    larger = {view: array.repeat(2, axis=1).repeat(2, axis=2) for view, array in frames.items()}
    np.testing.assert_allclose(model.embed(larger), model.embed(frames), atol=0.1)
    other = {**frames, "side": frames["front"]}
    np.testing.assert_array_equal(model.embed(other), model.embed(frames))


def test_embeddings_are_bounded_and_know_no_instruction(model):
    embedding = model.embed(noise_frames(5))
    assert embedding.shape == (5, model.embedding_size)
    assert embedding.dtype == np.float32
    assert (np.abs(embedding) <= 1.0).all()


def test_frames_must_fit_the_episodes(model):
    episode = model.begin(RED, noise_frames(1))
    with pytest.raises(FrameError, match="must hold 1 frames"):
        model.estimate([episode], noise_frames(2))
    with pytest.raises(FrameError, match="uint8"):
        model.estimate([episode], {"front": np.zeros((1, SIDE, SIDE, 3), np.float32)})
    assert len(model.estimate([], noise_frames(0))) == 0


def test_an_episode_of_another_model_is_refused(model):
    episode = model.begin(RED, noise_frames(1))
    episode.memory.clear()
    with pytest.raises(FrameError, match=r"hold 'queries' in its memory.*`begin`"):
        model.estimate([episode], noise_frames(1))


def test_an_episode_survives_being_stored(model):
    episode = model.begin(RED, noise_frames(1))
    stored = pickle.loads(pickle.dumps(episode))
    again = model.estimate([stored], noise_frames(1, 4))
    np.testing.assert_array_equal(
        again.success, model.estimate([episode], noise_frames(1, 4)).success
    )
