"""``kibble pretrain`` from an empty directory to weights that load."""

from __future__ import annotations

import json

import pytest

from kibble.agents.pretrain.config import PretrainConfig
from kibble.agents.pretrain.run import pretrain
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.loading import load


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ["reach", "fly"]}, r"`tasks` must be some of .*, got \['reach', 'fly'\]"),
        ({"tasks": []}, "`tasks` must be some of"),
        ({"steps": 0}, "`steps` must be 1 or more, got 0"),
        ({"frames_per_clip": 2}, "`frames_per_clip` must be 3 or more"),
        ({"learning_rate": 2.0}, r"`learning_rate` must lie in \(0, 1\), got 2.0"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        PretrainConfig(**change)


def test_weights_are_never_overwritten(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="must be a directory without weights"):
        pretrain(PretrainConfig(out=str(tmp_path), data=str(tmp_path / "data")))
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def small(tmp_path, **changes):
    arguments = {
        "data": str(tmp_path / "data"),
        "tasks": ["reach"],
        "episodes_per_task": 2,
        "episode_steps": 10,
        "workers": 1,
        "steps": 2,
        "clips_per_batch": 2,
        "frames_per_clip": 3,
        "heldout_episodes": 1,
        "quiet": True,
        **changes,
    }
    return PretrainConfig(**arguments)


@pytest.mark.slow
def test_it_records_trains_reports_and_goes_on_from_there(tmp_path):
    out = tmp_path / "out"
    pretrain(small(tmp_path, out=str(out), name="mine"))
    assert load(out).spec.name == "mine"
    report = json.loads((out / "agreement.json").read_text())
    assert report["agreement"]["heldout"][0]["task"] == "reach"
    card = (out / "MODEL_CARD.md").read_text()
    assert "kibble pretrain name=mine tasks=[reach] episodes_per_task=2" in card
    pretrain(small(tmp_path, out=str(tmp_path / "further"), init=str(out)))
    first, further = load(out), load(tmp_path / "further")
    assert further.network.config == first.network.config
    assert further.spec.version != first.spec.version
