"""A training run opens its reward model, and refuses one that cannot train."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from tests.agents.small_runs import LINE, small_ppo, small_run
from tests.rewards.vlm.tiny_models import qwen3_vl

from kibble.agents.config import RewardConfig, ShapingConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.reward_opening import load_reward_model
from kibble.agents.train import run_training
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ConfigError

CPU = torch.device("cpu")


def reward(weights, **changes):
    return RewardConfig(name="m", kind="model", weights=weights, **changes)


@pytest.mark.parametrize(
    "config", [reward("gvl@no/such-weights"), reward("grm_tiny", also=["gvl@no/such-weights"])]
)
def test_a_model_of_whole_episodes_is_refused_before_its_weights_are_looked_for(config, tmp_path):
    with pytest.raises(ConfigError, match=r"'gvl' reads whole episodes.*cannot train"):
        load_reward_model(small_run(tmp_path / "run", reward=config), CPU)


def test_video_models_are_told_how_often_the_run_asks_them(tmp_path):
    weights = f"topreward@{qwen3_vl()}?dtype=float32&size=64"
    config = small_run(tmp_path / "run", task=LINE, reward=reward(weights))  # 10 steps a second

    def version(**changes):
        return load_reward_model(dataclasses.replace(config, **changes), CPU).spec.version

    def of_option(rate):
        return open_model(f"{weights}&frame_rate={rate}").spec.version

    assert version() == of_option(10.0)
    assert version(shaping=ShapingConfig(query_every=4)) == of_option(2.5)
    assert version(reward=reward(f"{weights}&frame_rate=3")) == of_option(3.0)


@pytest.mark.slow
def test_an_agent_trains_on_what_a_video_model_says(tmp_path):
    weights = f"topreward@{qwen3_vl()}?dtype=float32&size=64&low=-40"
    config = small_run(
        tmp_path / "run",
        task=LINE,
        reward=reward(weights),
        agent=small_ppo(n_steps=16, batch_size=16),
        steps=48,
        checkpoint_every=16,
    )
    directory = run_training(config)
    metadata = json.loads((directory.path / "metadata.json").read_text())
    assert metadata["reward_model"]["name"] == "topreward"
    records = list(read_episodes(directory.episodes))
    assert records
    assert any(abs(record.return_shaped - record.return_task) > 1e-4 for record in records)
