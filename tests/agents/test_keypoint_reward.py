"""Runs that are paid by keypoints beside the embedded reward model."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from tests.agents.small_runs import small_run

from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.reward_opening import load_reward_model
from kibble.agents.train import run_training
from kibble.rewards.combination import CombinedModel
from kibble.rewards.errors import ConfigError

PUSH = TaskConfig(name="push", id="kibble/Push-v0", views=["front"], image_size=[96, 96])


def both(**changes):
    settings = {"also": ["grm_tiny"], "combine": "weighted", "shares": [3.0, 1.0]}
    return RewardConfig(name="both", kind="model", weights="keypoints", **(settings | changes))


@pytest.mark.slow
def test_a_run_is_paid_by_keypoints_and_a_process_reward_at_once(tmp_path):
    config = small_run(
        tmp_path / "run",
        task=PUSH,  # shows the front alone: the side is drawn because keypoints require it
        reward=both(),
        shaping=ShapingConfig(mode="absolute", query_every=10),
        steps=100,
        n_envs=2,
    )
    directory = run_training(config)
    records = read_episodes(directory.episodes)
    assert records
    for record in records:
        assert 0.0 < record.return_shaped < record.length
    metadata = json.loads((directory.path / "metadata.json").read_text())
    assert metadata["reward_model"]["name"] == "weighted(keypoints,grm_tiny)"
    assert directory.load_config() == config


def test_shares_are_the_weights_of_the_models(tmp_path):
    model = load_reward_model(small_run(tmp_path, task=PUSH, reward=both()), torch.device("cpu"))
    assert isinstance(model, CombinedModel)
    assert model.weights == (3.0, 1.0)
    assert model.spec.required_views == ("front", "side")
    assert model.spec.image_size is None
    equal = load_reward_model(
        small_run(tmp_path, task=PUSH, reward=both(shares=[])), torch.device("cpu")
    )
    assert equal.weights is None
    assert np.unique([equal.spec.version, model.spec.version]).size == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"combine": "min"}, "`reward.shares` are for reward.combine=weighted"),
        ({"shares": [1.0]}, "one number of at least 0 for reward.weights and each"),
        ({"shares": [1.0, -1.0]}, "one number of at least 0"),
        ({"shares": [0.0, 0.0]}, "not all 0"),
        ({"shares": [1.0, math.nan]}, "one number of at least 0"),
    ],
)
def test_shares_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        both(**changes)
