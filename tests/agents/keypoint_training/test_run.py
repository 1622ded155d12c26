"""``kibble pretrain_keypoints`` from an empty directory to weights that find things."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tests.keypoint_toy import toy_shard

from kibble.agents.keypoint_training.config import PretrainKeypointsConfig
from kibble.agents.keypoint_training.run import pretrain_keypoints
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.keypoints.embedded.loading import load_network


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": "test"}, "`stage` must be one of record, train, both, got 'test'"),
        ({"tasks": ["reach", "fly"]}, r"`tasks` must be some of .*, got \['reach', 'fly'\]"),
        ({"tasks": []}, "`tasks` must be some of"),
        ({"steps": 0}, "`steps` must be 1 or more, got 0"),
        ({"pictures": 1}, "`pictures` must be 2 or more"),
        ({"learning_rate": 2.0}, r"`learning_rate` must lie in \(0, 1\), got 2.0"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        PretrainKeypointsConfig(**change)


def test_weights_are_never_overwritten(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="must be a directory without weights"):
        pretrain_keypoints(PretrainKeypointsConfig(stage="train", out=str(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_training_without_a_recording_says_what_to_do(tmp_path):
    config = PretrainKeypointsConfig(
        stage="train", out=str(tmp_path / "out"), data=str(tmp_path / "data"), quiet=True
    )
    with pytest.raises(CheckpointError, match="record them first"):
        pretrain_keypoints(config)


def test_it_trains_on_a_recording_and_reports(tmp_path):
    """Toy shards stand for recorded ones of the reach task, whose plan they get."""
    for split, seed in (("train", 0), ("heldout", 1)):
        reach = np.array(["reach"] * 36)
        shard = dataclasses.replace(toy_shard(12, seed=seed), scenes=reach[:12], plans=reach)
        shard.write(tmp_path / "data" / split / "reach-0000.npz")
    out = tmp_path / "out"
    pretrain_keypoints(
        PretrainKeypointsConfig(
            stage="train",
            out=str(out),
            name="mine",
            data=str(tmp_path / "data"),
            tasks=["reach"],
            steps=2,
            pictures=2,
            heldout_samples=4,
            quiet=True,
        )
    )
    name, network, _ = load_network(out)
    assert name == "mine"
    assert network.config.image_size == (32, 32)
    assert [plan.name for plan in network.config.plans] == ["reach"]
    report = json.loads((out / "accuracy.json").read_text())
    assert report["accuracy"]["heldout"][0]["task"] == "reach"
    card = (out / "MODEL_CARD.md").read_text()
    assert "kibble pretrain_keypoints name=mine tasks=[reach] steps=2 pictures=2" in card
    assert "12 pictures of 32 x 32 pixels (12 front) with 36 questions" in card
    assert not (out / "training.ckpt").exists()
