"""A run directory is self-contained and safe, the same seed gives the same run."""

from __future__ import annotations

import dataclasses
import json
import re

import gymnasium
import numpy as np
import pytest
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.agents.small_runs import ORACLE, small_ppo, small_run, small_sac
from tests.reward_models import CentroidModel
from tests.tiny_grm import saved

from kibble.agents.builders import build_agent, planned_steps, resolve_device
from kibble.agents.checkpoints import load_newest
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.environments import build_environments
from kibble.agents.episode_log import read_episodes
from kibble.agents.run_directory import RunDirectory
from kibble.agents.shaped_vec_env import ShapedVecEnv
from kibble.agents.train import run_training
from kibble.envs import CaptureFrames
from kibble.rewards.errors import (
    CheckpointError,
    ConfigError,
    KibbleError,
    ShapingError,
    WeightsError,
)

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)


def test_run_directory_is_self_contained(tmp_path):
    config = small_run(tmp_path / "run", steps=250)
    directory = run_training(config)
    assert directory.load_config() == config
    metadata = json.loads(directory.metadata.read_text())
    assert {"kibble", "revision", "python", "packages", "reward_model"} <= set(metadata)
    assert list(directory.metrics.glob("events.out.tfevents.*"))
    assert [path.name for path in sorted(directory.checkpoints.iterdir())] == [
        "step_000000200",
        "step_000000250",
    ]
    loaded = SAC.load(directory.model, device="cpu")
    assert loaded.num_timesteps == 250
    records = list(read_episodes(directory.episodes))
    assert [record.index for record in records] == list(range(len(records)))
    assert all(record.return_task == float(record.success) for record in records)


def test_metadata_names_the_weights(tmp_path):
    weights = saved(tmp_path / "weights")
    reward = RewardConfig(name="tiny", kind="model", weights=str(weights))
    agent = small_sac(learning_starts=20)
    directory = run_training(
        small_run(tmp_path / "run", task=REACH, reward=reward, agent=agent, steps=55)
    )
    metadata = json.loads(directory.metadata.read_text())
    assert metadata["reward_model"]["name"] == "tiny"
    assert len(metadata["reward_model"]["version"]) >= 8
    (record,) = read_episodes(directory.episodes)
    assert 0.0 <= record.model_success <= 1.0


def test_existing_run_directory_is_never_touched(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    (path / "precious").write_text("kept")
    with pytest.raises(CheckpointError, match=r"must name a new directory.*add resume=true"):
        run_training(small_run(path))
    assert [item.name for item in path.iterdir()] == ["precious"]


def test_free_names_are_found_when_none_is_given(tmp_path):
    config = dataclasses.replace(
        small_run(tmp_path, steps=120), run=None, runs_dir=str(tmp_path / "runs")
    )
    names = [run_training(config).path.name for _ in range(2)]
    assert names == ["line-oracle-sac-seed0", "line-oracle-sac-seed0-2"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"task": TaskConfig(id="kibble/Rech-v0")}, ConfigError, "did you mean 'kibble/Reach-v0'"),
        (
            {"task": TaskConfig(id="CartPole-v1"), "reward": RewardConfig()},
            ConfigError,
            "needs continuous actions, got Discrete",
        ),
        (
            {"task": TaskConfig(id="Pendulum-v1", options={"gravity": 9.8, "moon": True})},
            ConfigError,
            "`task.options` must be arguments of Pendulum-v1",
        ),
        ({"task": TaskConfig(id="Pendulum-v1")}, ConfigError, "gives `progress` in its info"),
        (
            {"reward": RewardConfig(name="x", kind="model", weights="no_such_weights")},
            WeightsError,
            "no_such_weights",
        ),
        ({"agent": small_ppo(n_steps=500)}, ConfigError, "must allow one rollout of 500 steps"),
        ({"device": "gpu0"}, ConfigError, "`device` must be auto, cpu"),
    ],
)
def test_what_cannot_be_built_is_an_error_and_leaves_nothing_behind(
    tmp_path, changes, error, message
):
    with pytest.raises(error, match=message):
        run_training(small_run(tmp_path / "run", **changes))
    assert message.startswith("gives") or not (tmp_path / "run").exists()


def test_view_that_the_model_needs_must_be_there(tmp_path):
    task = TaskConfig(name="line", id="tests/ReachLine-v0", instruction="go right")
    reward = RewardConfig(name="keypoints", kind="model", weights="keypoints")
    with pytest.raises(KibbleError, match="requires the views"):
        run_training(small_run(tmp_path / "run", task=task, reward=reward))
    assert not (tmp_path / "run").exists()


def test_agent_refuses_an_environment_shaped_with_another_gamma():
    venv = ShapedVecEnv(
        DummyVecEnv(
            [lambda: CaptureFrames(gymnasium.make("tests/ReachLine-v0", render_mode="rgb_array"))]
        ),
        CentroidModel(image_size=(16, 32)),
        gamma=0.99,
    )
    with pytest.raises(ShapingError, match=r"must equal the agent's, 0.9, got 0.99"):
        build_agent(small_sac(), venv, seed=0, device=resolve_device("cpu"), observation="state")


def first_steps(config, count):
    """Actions and rewards of the first steps, as the environment is given and gives them."""
    taken: list[np.ndarray] = []
    paid: list[np.ndarray] = []
    venv = build_environments(config, None)
    step = venv.step_wait

    def record():
        result = step()
        taken.append(venv.unwrapped.actions.copy())
        paid.append(result[1].copy())
        return result

    venv.step_wait = record
    agent = build_agent(
        config.agent, venv, seed=config.seed, device=resolve_device("cpu"), observation="state"
    )
    agent.learn(count)
    venv.close()
    return np.concatenate(taken), np.concatenate(paid)


def test_same_seed_gives_the_same_first_thousand_actions_and_rewards(tmp_path):
    config = small_run(tmp_path, task=REACH, reward=ORACLE, agent=small_sac(mirror=True))
    actions, rewards = first_steps(config, 1_000)
    again = first_steps(config, 1_000)
    assert actions.shape == (1_000, 4)
    assert np.array_equal(actions, again[0])
    assert np.array_equal(rewards, again[1])
    other, _ = first_steps(dataclasses.replace(config, seed=1), 50)
    assert not np.array_equal(actions[:50], other)


def test_budget_is_never_exceeded():
    assert planned_steps(small_ppo(), budget=1_000, n_envs=4) == 768
    assert planned_steps(small_sac(), budget=1_001, n_envs=4) == 1_000


def test_environments_in_processes_pay_the_same(tmp_path):
    # The package before the colon is what the other processes import to find the environment.
    task = TaskConfig(name="line", id="tests.agents.reach_line:tests/ReachLine-v0")
    config = small_run(tmp_path / "serial", task=task, n_envs=2, steps=160)
    serial = run_training(config).path
    processes = run_training(
        dataclasses.replace(config, vectorization="processes", run=str(tmp_path / "processes"))
    ).path
    lengths = [
        [(r.env, r.length, r.return_shaped) for r in read_episodes(path / "episodes.jsonl")]
        for path in (serial, processes)
    ]
    assert lengths[0] == lengths[1]


def test_run_directory_without_configuration_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"without config.yaml"):
        RunDirectory(path=tmp_path).load_config()


def test_no_shaping_pays_the_task_alone(tmp_path):
    config = small_run(tmp_path / "run", shaping=ShapingConfig(mode="none"), steps=150)
    records = list(read_episodes(run_training(config).episodes))
    assert all(record.return_shaped == record.return_task for record in records)


@pytest.mark.parametrize("agent", [small_sac(), small_ppo(n_steps=32)], ids=["sac", "ppo"])
def test_run_ends_with_its_budget_of_rollouts(tmp_path, agent):
    config = small_run(tmp_path / "run", agent=agent, steps=4_000, rollouts=7)
    directory = run_training(config)
    assert [record.index for record in read_episodes(directory.episodes)] == list(range(7))
    state = load_newest(directory.checkpoints)
    steps = sum(record.length for record in read_episodes(directory.episodes))
    assert state["agent"]["counters"]["num_timesteps"] == steps


def test_steps_end_a_run_before_its_rollouts(tmp_path):
    directory = run_training(small_run(tmp_path / "run", steps=50, rollouts=1_000))
    state = load_newest(directory.checkpoints)
    assert state["agent"]["counters"]["num_timesteps"] == 50


def test_progress_names_both_budgets_and_what_a_budget_of_steps_leaves_over(tmp_path, capsys):
    run_training(small_run(tmp_path / "a", steps=61, n_envs=3, rollouts=2, quiet=False))
    shown = capsys.readouterr().err
    assert "61 steps are no whole number of rollouts of all environments: this run takes 60" in (
        shown
    )
    assert re.search(r"\d+/60 steps, [23]/2 rollouts, success", shown)
