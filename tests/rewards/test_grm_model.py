"""The embedded reward model's contract, on a network too small to know anything."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from tests.tiny_grm import SIDE, noise_frames, saved, tiny_network

from kibble.rewards import RewardModel, Status, Task
from kibble.rewards.embedding import Embedder
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.grm.network import GrmNetwork
from kibble.rewards.grm.readings import apply_hop, consistency_gate
from kibble.rewards.loading import load, save

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


def hop_between(model, episode, before, after):
    with torch.inference_mode():
        output = model.network.fuse(
            episode.memory["context"], episode.memory[before], episode.memory[after]
        )
        return float(model.network.expected_hop(output.logits))


def test_the_incremental_reading_adds_up_hops_from_frame_to_frame(tmp_path):
    model = load(saved(tmp_path), dtype=torch.float32, reading="incremental")
    episode = model.begin(RED, noise_frames(1))
    assert episode.progress == pytest.approx(episode.memory["origin"], abs=0.2)
    expected = episode.memory["origin"]
    for seed in (1, 2, 3):
        last = episode.memory["last"]
        estimate = model.estimate([episode], noise_frames(1, seed))
        now = {**episode.memory, "before": last}
        episode.memory.update(now)
        expected = apply_hop(expected, hop_between(model, episode, "before", "last"))
        assert estimate.progress[0] == pytest.approx(float(expected), abs=1e-5)


def test_the_forward_reading_hops_from_the_start(tmp_path):
    model = load(saved(tmp_path), dtype=torch.float32, reading="forward")
    episode = model.begin(RED, noise_frames(1))
    for seed in (1, 2):
        estimate = model.estimate([episode], noise_frames(1, seed))
        hop = hop_between(model, episode, "start", "last")
        expected = float(apply_hop(episode.memory["origin"], hop))
        assert estimate.progress[0] == pytest.approx(expected, abs=1e-5)


def test_the_backward_reading_hops_from_the_goal_and_needs_one(tmp_path):
    model = load(saved(tmp_path), dtype=torch.float32, reading="backward")
    assert model.spec.needs_goal
    with pytest.raises(FrameError, match=r"`reading=backward` needs `goal_frames`"):
        model.begin(RED, noise_frames(1))
    goal = Task(instruction=RED.instruction, goal_frames=noise_frames(1, 9))
    episode = model.begin(goal, noise_frames(1))
    estimate = model.estimate([episode], noise_frames(1, 1))
    hop = min(max(1.0 + hop_between(model, episode, "goal", "last"), 0.0), 1.0)
    assert estimate.progress[0] == pytest.approx(hop, abs=1e-5)


@pytest.mark.parametrize("with_goal", [True, False])
@pytest.mark.parametrize("reading", ["mean", "gated"])
def test_fused_readings_lie_in_range_and_equal_their_formula(tmp_path, reading, with_goal):
    model = load(saved(tmp_path), dtype=torch.float32, reading=reading)
    goal_frames = noise_frames(1, 9) if with_goal else None
    episode = model.begin(
        Task(instruction=RED.instruction, goal_frames=goal_frames), noise_frames(1)
    )
    before, last, running = episode.progress, episode.memory["last"], episode.memory["origin"]
    estimate = model.estimate([episode], noise_frames(1, 1))
    episode.memory["before"] = last
    forward = apply_hop(episode.memory["origin"], hop_between(model, episode, "start", "last"))
    step = hop_between(model, episode, "before", "last")
    if with_goal:
        far = min(max(1.0 + hop_between(model, episode, "goal", "last"), 0.0), 1.0)
    else:
        with torch.inference_mode():
            output = model.network.fuse(episode.memory["context"], None, episode.memory["last"])
            far = min(max(float(model.network.expected_hop(output.logits)), 0.0), 1.0)
    if reading == "mean":
        expected = (float(apply_hop(running, step)) + float(forward) + far) / 3
    else:
        change = float(apply_hop(before, step)) - before
        expected = float(consistency_gate(before, forward, far, change))
    assert estimate.progress[0] == pytest.approx(expected, abs=1e-5)
    assert 0.0 <= expected <= 1.0


@pytest.mark.parametrize("reading", ["incremental", "mean", "gated"])
def test_readings_with_a_memory_do_not_mix_episodes(tmp_path, reading):
    model = load(saved(tmp_path), dtype=torch.float32, reading=reading)
    pair = [model.begin(task, noise_frames(1, i)) for i, task in enumerate((RED, BLUE))]
    alone = [model.begin(task, noise_frames(1, i)) for i, task in enumerate((RED, BLUE))]
    for seed in (3, 4, 5):
        frames = noise_frames(2, seed)
        together = model.estimate(pair, frames).progress
        single = [
            model.estimate([one], {view: a[i : i + 1] for view, a in frames.items()}).progress[0]
            for i, one in enumerate(alone)
        ]
        np.testing.assert_allclose(together, single, atol=1e-5)


def test_a_missing_view_can_be_flagged(tmp_path):
    model = load(saved(tmp_path), missing_view="flag")
    episode = model.begin(RED, noise_frames(1))
    assert model.estimate([episode], noise_frames(1)).status[0] == Status.OK
    front = noise_frames(1, views=("front",))
    assert model.estimate([episode], front).status[0] == Status.MISSING_VIEW


def test_unknown_readings_and_policies_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"`reading` must be one of absolute, .* got 'sideways'"):
        load(saved(tmp_path), reading="sideways")
    with pytest.raises(ConfigError, match="`missing_view` must be learned or flag, got 'zero'"):
        load(saved(tmp_path), missing_view="zero")


def test_three_views_are_read_as_one_two_or_three(tmp_path):
    config = dataclasses.replace(tiny_network().config, views=("front", "wrist", "side"))
    save(GrmNetwork(config), tmp_path, name="three")
    model = load(tmp_path, dtype=torch.float32)
    every = noise_frames(1, 2, views=("front", "wrist", "side"))
    seen = []
    for views in (("front",), ("front", "side"), ("front", "wrist", "side")):
        frames = {view: every[view] for view in views}
        episode = model.begin(RED, frames)
        assert model.estimate([episode], frames).status[0] == Status.OK
        seen.append(episode.memory["last"].numpy())
    assert np.abs(seen[0] - seen[1]).max() > 1e-6
    assert np.abs(seen[1] - seen[2]).max() > 1e-6


def test_rescaling_success_leaves_all_else(tmp_path):
    plain, scaled = tiny_network(), tiny_network()
    scaled.rescale_success(2.0, -0.5)
    reading = torch.randn(3, plain.config.reading)
    context = plain.context(torch.randn(3, plain.config.text), None, None)
    with torch.inference_mode():
        first, second = (network.fuse(context, None, reading) for network in (plain, scaled))
    torch.testing.assert_close(second.success, 2.0 * first.success - 0.5)
    torch.testing.assert_close(second.logits, first.logits)
    torch.testing.assert_close(second.error, first.error)


def test_the_distance_of_forward_and_backward_readings_is_left_in_the_memory(tmp_path):
    goal = Task(instruction="push the red cube", goal_frames=noise_frames(1, 9))
    readings = {}
    for reading in ("forward", "backward", "mean"):
        model = load(saved(tmp_path), dtype=torch.float32, reading=reading)
        episode = model.begin(goal, noise_frames(1))
        readings[reading] = float(model.estimate([episode], noise_frames(1, 5)).progress[0])
    assert episode.memory["disagreement"] == pytest.approx(
        abs(readings["forward"] - readings["backward"]), abs=1e-6
    )


def test_one_reading_alone_has_nothing_to_disagree_with(model):
    episode = model.begin(RED, noise_frames(1))
    model.estimate([episode], noise_frames(1, 5))
    assert "disagreement" not in episode.memory
