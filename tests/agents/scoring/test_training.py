"""A whole run learns the same, logs the same and keeps the same, whenever frames are scored."""

from __future__ import annotations

import json

import numpy as np
import torch
from tests.agents.small_runs import small_run, small_sac
from tests.tiny_grm import shaken_network

from kibble.agents.checkpoints import load_newest
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.rewards.loading import save

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)


def test_sac_does_not_depend_on_when_frames_are_scored(tmp_path):
    save(shaken_network(), tmp_path / "weights", name="tiny")
    found = {}
    for kind in ("immediate", "deferred", "asynchronous"):
        directory = run_training(
            small_run(
                tmp_path / kind,
                task=REACH,
                reward=RewardConfig(
                    name="tiny", kind="model", weights=str(tmp_path / "weights"), reading="mean"
                ),
                shaping=ShapingConfig(query_every=2),
                scoring=ScoringConfig(kind=kind, batch=30),
                agent=small_sac(learning_starts=40),
                n_envs=2,
                steps=120,
            )
        )
        lines = [json.loads(line) for line in directory.episodes.read_text().splitlines()]
        state = load_newest(directory.checkpoints)
        found[kind] = (
            [{name: value for name, value in line.items() if name != "seconds"} for line in lines],
            state["agent"]["replay"]["kept"],
            state["agent"]["policy"],
        )
    records, kept, policy = found["immediate"]
    assert records
    assert np.ptp(kept["signals"][:, :, 1]) > 0.01  # potentials differ from state to state
    for kind in ("deferred", "asynchronous"):
        assert found[kind][0] == records
        np.testing.assert_equal(found[kind][1], kept)
        for name, weights in policy.items():
            assert torch.equal(weights, found[kind][2][name]), (kind, name)
