"""``kibble adapt`` from a dataset and from a video to weights that load."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.agents.footage.clips import write_clip
from tests.tiny_grm import SIDE, saved

from kibble.agents.adapt.config import AdaptConfig
from kibble.agents.adapt.replay import record_replay
from kibble.agents.adapt.run import adapt
from kibble.agents.cli import run
from kibble.agents.config import TaskConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.recorder import record_demonstrations
from kibble.rewards.errors import CheckpointError, ConfigError, WeightsError
from kibble.rewards.loading import load, load_network


def walk(count=14):
    """A red square that walks to the right and rests."""
    places = np.concatenate([np.linspace(8, 50, count - 4), np.full(4, 50)]).astype(int)
    frames = np.full((count, 64, 64, 3), 90, np.uint8)
    for frame, x in zip(frames, places, strict=True):
        frame[20:36, x - 8 : x + 8] = (220, 30, 30)
    return list(frames)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return str(saved(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "shove.mp4"
    write_clip(path, walk())
    return str(path)


def small(weights, out, **changes):
    arguments = {
        "reward": weights,
        "out": str(out),
        "instruction": "shove the red cube away",
        "replay": 0,
        "steps": 4,
        "copies": 2,
        "quiet": True,
    }
    return AdaptConfig(**{**arguments, **changes})


def test_a_video_becomes_weights_that_load_and_a_report(weights, video, tmp_path):
    adapt(small(weights, tmp_path / "model", demo=video, also=["push it off"]))
    model = load(tmp_path / "model")
    assert model.spec.name.endswith("_adapted")
    assert model.spec.version != load(weights).spec.version
    known = load_network(tmp_path / "model").config.vocabulary
    assert {"shove", "away", "it", "off"} <= set(known)
    report = json.loads((tmp_path / "model" / "adaptation.json").read_text())
    (shown,) = report["demonstrations"]
    assert shown["sentences"] == ["shove the red cube away", "push it off"]
    assert shown["stages"][0] == 0
    counts = {len(shown[name]) for name in ("labels", "before", "after", "success")}
    assert len(counts) == 1
    assert report["settings"]["demo"] == video
    assert report["drift"] is None
    assert report["seconds"] > 0.0


def test_a_dataset_brings_its_own_instruction_and_replay_its_own_past(weights, tmp_path):
    record_demonstrations(
        DemosConfig(
            task=TaskConfig(
                name="drawer_close", id="kibble/DrawerClose-v0", image_size=[SIDE, SIDE]
            ),
            episodes=1,
            out=str(tmp_path / "demo"),
        )
    )
    out = tmp_path / "model"
    adapt(
        small(weights, out, demo=[str(tmp_path / "demo")], instruction=None, replay=1, name="mine")
    )
    report = json.loads((out / "adaptation.json").read_text())
    assert "drawer" in report["demonstrations"][0]["sentences"][0]
    assert report["drift"] >= 0.0
    assert load(out).spec.name == "mine"


def test_related_tasks_give_more_scenes_and_no_labels():
    scenes = record_replay(
        ["close the red drawer"], scenes=1, seed=0, tasks=("reach", "drawer_open")
    )
    drawers = [scene for scene in scenes if any("drawer" in text for text in scene.sentences)]
    assert (len(drawers), len(scenes)) == (4, 5)
    assert {field for scene in scenes for field in scene.__slots__} == {"frames", "phrasings"}


def test_weights_are_replaced_only_if_told_to(weights, video, tmp_path):
    adapt(small(weights, tmp_path, demo=video))
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(CheckpointError, match="replace them with overwrite=true"):
        adapt(small(weights, tmp_path, demo=video))
    adapt(small(weights, tmp_path, demo=video, overwrite=True, seed=1))
    assert (tmp_path / "model.safetensors").read_bytes() != before


def test_a_video_without_instruction_is_refused(weights, video, tmp_path):
    with pytest.raises(ConfigError, match=r"`instruction` must say what '.*shove\.mp4' does"):
        adapt(small(weights, tmp_path, demo=video, instruction=None))
    assert not list(tmp_path.iterdir())


def test_unknown_weights_are_refused(video, tmp_path):
    with pytest.raises(WeightsError, match="did you mean grm_tiny"):
        adapt(small("grm_tyni", tmp_path / "model", demo=video))


@pytest.mark.parametrize("reward", ["topreward", "random", "grm_tiny?reading=mean"])
def test_only_the_embedded_model_is_adapted(reward, video, tmp_path):
    with pytest.raises(ConfigError, match="`reward` must be the embedded model to be adapted"):
        adapt(small(reward, tmp_path / "model", demo=video))


def test_the_command_line_takes_plain_words(weights, video, tmp_path, capsys):
    words = [
        "adapt",
        f"demo={video}",
        "instruction=shove the red cube away",
        f"reward={weights}",
        f"out={tmp_path / 'model'}",
        "replay=0",
        "steps=2",
        "copies=1",
    ]
    assert run(words) == 0
    assert "weights and" in " ".join(capsys.readouterr().err.split())
    assert load(tmp_path / "model")
