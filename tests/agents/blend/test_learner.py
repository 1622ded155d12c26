"""Weights learned beside PPO, in whole training runs."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.agents.small_runs import small_ppo, small_run, small_sac

from kibble.agents.blend.config import BlendConfig
from kibble.agents.checkpoints import load_newest
from kibble.agents.config import RewardConfig, ShapingConfig, TrainConfig
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError

HONEST = ShapingConfig(mode="absolute", shift=-1.0)
ADVERSARIAL = ShapingConfig(mode="absolute", shift=-1.0, scale=-1.0)  # the same, sign reversed


def config(path: Path, shaping: ShapingConfig, **changes: object) -> TrainConfig:
    return small_run(
        path,
        **{
            "shaping": shaping,
            "agent": small_ppo(),
            "blend": BlendConfig(learn=True),
            "n_envs": 8,
            "steps": 3072,
            "checkpoint_every": 1024,
            **changes,
        },
    )


def weights(path: Path) -> list[float]:
    events = EventAccumulator(str(path / "metrics"))
    events.Reload()
    return [event.value for event in events.Scalars("blend/weight_shaping")]


def test_an_adversarial_reward_is_switched_off_and_a_good_one_kept(tmp_path):
    bad = weights(run_training(config(tmp_path / "bad", ADVERSARIAL)).path)
    assert bad[-1] == 0.0
    good = weights(run_training(config(tmp_path / "good", HONEST)).path)
    assert good[-1] == 1.0


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_its_weights(tmp_path):
    whole = run_training(config(tmp_path / "whole", ADVERSARIAL)).path
    short = config(tmp_path / "short", ADVERSARIAL)
    directory = run_training(short)
    for checkpoint in directory.checkpoints.iterdir():
        if int(re.sub(r"\D", "", checkpoint.name)) > 2100:
            shutil.rmtree(checkpoint)
    directory.model.unlink()
    run_training(dataclasses.replace(short, resume=True))
    assert weights(tmp_path / "short") == weights(whole)
    states = [load_newest(path / "checkpoints") for path in (whole, tmp_path / "short")]
    assert states[0]["blend"] == states[1]["blend"]
    for name, tensor in states[0]["agent"]["policy"].items():
        assert torch.equal(tensor, states[1]["agent"]["policy"][name]), name


def test_other_algorithms_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"policy gradients of agent=ppo .* got agent=sac"):
        config(tmp_path, HONEST, agent=small_sac())


def test_a_sparse_reward_has_nothing_to_weigh_and_trains_all_the_same(tmp_path):
    sparse = RewardConfig(name="sparse", kind="sparse")
    run = run_training(config(tmp_path / "run", HONEST, reward=sparse, steps=1024))
    assert weights(run.path) == [1.0, 1.0]
