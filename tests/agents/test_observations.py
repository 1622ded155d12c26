"""The agent sees what the config says, and no oracle unless the config says so."""

from __future__ import annotations

import dataclasses

import gymnasium
import numpy as np
import pytest
import torch
from tests.agents.small_runs import LINE, ORACLE, small_run, small_sac
from tests.reward_models import CentroidModel
from tests.tiny_grm import saved

from kibble.agents.config import EvaluateConfig, RewardConfig, TaskConfig
from kibble.agents.environments import build_environments, make_environment
from kibble.agents.evaluate import run_evaluation
from kibble.agents.observations import FramesObservation, PixelObservation, ScaledObservation
from kibble.agents.reflecting import reflecting_of
from kibble.agents.relative_observation import RelativeObservation
from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.train import run_training
from kibble.rewards import load
from kibble.rewards.errors import ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[40, 40]
)
MODEL = RewardConfig(name="tiny", kind="model", weights="tiny")


def test_bounded_entries_are_scaled_and_unbounded_ones_left_alone():
    env = ScaledObservation(gymnasium.make("CartPole-v1", disable_env_checker=True))
    env.reset(seed=0)
    cart = env.unwrapped
    cart.state = np.array([4.8, 3.5, -0.41887903, -2.0])
    scaled = env.observation(np.array(cart.state, np.float32))
    assert scaled == pytest.approx([1.0, 3.5, -1.0, -2.0], abs=1e-6)
    assert scaled.dtype == env.observation_space.dtype == np.float32


def test_state_must_be_flat():
    env = make_environment(dataclasses.replace(LINE), renders=True)
    with pytest.raises(ConfigError, match="needs an environment with flat Box observations"):
        ScaledObservation(PixelObservation(env))


def test_pixels_are_the_views_stacked():
    env = make_environment(REACH, renders=True)
    pixels = PixelObservation(env)
    observation, _ = pixels.reset(seed=1)
    frames = env.unwrapped.frames()
    assert observation.shape == pixels.observation_space.shape == (40, 40, 6)
    assert np.array_equal(observation[..., :3], frames["front"][0])
    assert np.array_equal(observation[..., 3:], frames["wrist"][0])


def test_embedding_holds_proprioception_and_frames_but_no_object_state(tmp_path):
    model = load(saved(tmp_path / "weights"), device=torch.device("cpu"))
    config = small_run(tmp_path / "run", task=REACH, reward=MODEL, observation="embedding")
    venv = build_environments(config, model)
    observation = venv.reset()
    size = make_environment(REACH, renders=False).unwrapped.proprioception_size
    assert observation.shape == (1, size + model.embedding_size)
    assert venv.observation_space.contains(observation[0])
    inner = venv.venv.venv.envs[0]
    frames = inner.unwrapped.frames(("front", "wrist"))
    assert np.array_equal(observation[0, size:], model.embed(frames)[0])
    venv.close()


def test_embedding_of_the_last_frame_is_what_the_agent_learns_from(tmp_path):
    model = load(saved(tmp_path / "weights"), device=torch.device("cpu"))
    config = small_run(tmp_path / "run", task=REACH, reward=MODEL, observation="embedding")
    venv = build_environments(config, model)
    venv.reset()
    for _ in range(50):
        observation, _, dones, infos = venv.step(np.zeros((1, 4), np.float32))
    assert dones[0]
    last = infos[0]["terminal_observation"]
    assert last.shape == observation[0].shape
    assert not np.array_equal(last, observation[0])
    venv.close()


def test_a_frame_is_drawn_once_for_agent_and_reward_model(tmp_path, monkeypatch):
    model = load(saved(tmp_path / "weights"), device=torch.device("cpu"))
    config = small_run(tmp_path / "run", task=REACH, reward=MODEL, observation="embedding")
    venv = build_environments(config, model)
    env = venv.venv.venv.envs[0].unwrapped
    draw, drawn = env.frames, []
    monkeypatch.setattr(env, "frames", lambda views: drawn.append(views) or draw(views))
    venv.reset()
    for count in range(2, 5):
        venv.step(np.ones((1, 4), np.float32))
        assert len(drawn) == count  # one for the start, one for each step
    venv.close()


@pytest.mark.parametrize("observation", ["embedding", "pixels"])
def test_runs_without_object_state_train_resume_and_are_evaluated(tmp_path, observation):
    weights = saved(tmp_path / "weights")
    config = small_run(
        tmp_path / "run",
        task=REACH,
        reward=RewardConfig(name="tiny", kind="model", weights=str(weights)),
        agent=small_sac(learning_starts=20, batch_size=8, buffer_size=100),
        observation=observation,
        steps=60,
        checkpoint_every=30,
    )
    directory = run_training(config)
    run_training(dataclasses.replace(config, resume=True, steps=70))
    (summary,) = run_evaluation(
        EvaluateConfig(run=str(directory.path), episodes=1, seeds=[0], videos=0, device="cpu")
    )
    assert summary.steps == 70


def rollout(task: TaskConfig, reward: RewardConfig, tmp_path) -> tuple[np.ndarray, np.ndarray]:
    config = small_run(tmp_path / "run", task=task, reward=reward)
    model = CentroidModel(image_size=(16, 32)) if reward.kind == "model" else None
    venv = build_environments(config, model)
    venv.seed(3)
    observations, rewards = [venv.reset()], []
    rng = np.random.default_rng(0)
    for _ in range(60):
        observation, paid, _, _ = venv.step(rng.uniform(-1, 1, (1, 1)).astype(np.float32))
        observations.append(observation)
        rewards.append(paid)
    venv.close()
    return np.stack(observations), np.stack(rewards)


@pytest.mark.parametrize(
    ("reward", "same"),
    [(RewardConfig(), True), (MODEL, True), (ORACLE, False)],
    ids=["sparse", "model", "oracle"],
)
def test_oracle_reaches_neither_reward_nor_observation_unless_asked_for(tmp_path, reward, same):
    poisoned = TaskConfig(name="line", id="tests/PoisonedLine-v0")
    honest_seen, honest_paid = rollout(LINE, reward, tmp_path)
    poisoned_seen, poisoned_paid = rollout(poisoned, reward, tmp_path)
    assert np.array_equal(honest_seen, poisoned_seen)
    assert np.array_equal(honest_paid, poisoned_paid) == same


def test_sparse_reward_draws_no_frame(tmp_path):
    venv = build_environments(small_run(tmp_path, reward=RewardConfig(), task=REACH), None)
    assert venv.envs[0].render_mode is None
    venv.close()


def test_oracle_reward_says_what_it_is(tmp_path, caplog):
    build_environments(small_run(tmp_path), None).close()
    assert "simulator's own progress (reward=oracle)" in caplog.text


def test_batches_show_transitions_in_every_mirror(tmp_path):
    venv = build_environments(small_run(tmp_path, task=REACH, reward=RewardConfig()), None)
    reflecting = reflecting_of(venv, device=torch.device("cpu"))
    assert reflecting is not None
    buffer = PotentialReplayBuffer(
        10, venv.observation_space, venv.action_space, reflecting=reflecting
    )
    observation = venv.reset()
    action = np.full((1, 4), 0.5, np.float32)
    following, _, _, infos = venv.step(action)
    buffer.add(observation, following, action, np.ones(1), np.zeros(1), infos)
    batch = buffer.sample(400)
    group = [(1.0, 1.0), *venv.get_attr("reflections")[0]]
    seen = np.zeros(len(group), int)
    for row in range(400):
        for index, (signs, action_signs) in enumerate(group):
            values = (signs * observation[0], signs * following[0], action_signs * action[0])
            shown = (batch.observations[row], batch.next_observations[row], batch.actions[row])
            if all(np.array_equal(a, b) for a, b in zip(shown, values, strict=True)):
                seen[index] += 1
                break
    assert seen.sum() == 400  # each is one of the group's images
    assert seen.min() > 50
    assert (batch.rewards == 1.0).all()
    venv.close()


def test_frames_need_a_view_of_the_model():
    env = ScaledObservation(make_environment(REACH, renders=True))
    observed = FramesObservation(env, ["wrist"])
    observation, _ = observed.reset(seed=0)
    assert set(observation) == {"proprioception", "wrist"}
    assert observed.observation_space.contains(observation)


def test_relative_observations_leave_out_the_place_on_the_table_and_what_is_not_named():
    env = gymnasium.make("kibble/Push-v0", disable_env_checker=True)
    names = np.array(env.unwrapped.observation_names)
    kept = names[env.unwrapped.relative_entries].tolist()
    assert "hand_z" in kept
    assert "object_x" in kept
    assert not {"hand_x", "hand_y", "other_object_x", "other_target_y"} & set(kept)
    state, relative = ScaledObservation(env), RelativeObservation(env)
    observation, _ = env.reset(seed=3)
    shown = dict(zip(kept, relative.observation(observation), strict=True))
    scaled = dict(zip(names, state.observation(observation), strict=True))
    raw = dict(zip(names, observation, strict=True))
    assert shown["hand_velocity_x"] == scaled["hand_velocity_x"]
    assert shown["target_x"] == pytest.approx(np.arcsinh(raw["target_x"] / 0.02))
    assert relative.observation_space.shape == (len(kept),)
    assert relative.observation_space.contains(relative.observation(observation))
    left_to_right, _ = relative.reflections[0]
    assert [kept[place] for place in np.flatnonzero(left_to_right < 0)] == [
        name for name in kept if name.endswith("_y")
    ]


def test_relative_observations_need_an_environment_that_says_what_is_relative():
    env = gymnasium.make("CartPole-v1", disable_env_checker=True)
    with pytest.raises(ConfigError, match="relative_entries"):
        RelativeObservation(env)
