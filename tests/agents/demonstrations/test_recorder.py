"""Recording demonstrations: what is written, going on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kibble.agents.cli import run
from kibble.agents.config import TaskConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record_demonstrations
from kibble.rewards.errors import CheckpointError, ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 40]
)


def _config(out: Path, **settings: object) -> DemosConfig:
    return DemosConfig(task=REACH, out=str(out), **{"episodes": 2, **settings})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demos") / "reach"
    record_demonstrations(_config(out))
    return out


def test_arrays_of_an_episode(folder: Path) -> None:
    demonstrations = Demonstrations(folder)
    assert len(demonstrations) == 2
    for entry, episode in zip(demonstrations.contents.episodes, demonstrations, strict=True):
        steps = entry.steps
        assert len(episode) == steps > 0
        assert set(episode.frames) == {"front", "wrist"}
        for frames in episode.frames.values():
            assert frames.shape == (steps + 1, 32, 40, 3)
            assert frames.dtype == np.uint8
        names = demonstrations.contents.observation_names
        assert episode.observations.shape == (steps + 1, len(names))
        assert episode.actions.shape == (steps, 4)
        assert np.abs(episode.actions).max() <= 1.0
        assert episode.rewards.tolist() == [0.0] * (steps - 1) + [1.0]
        assert episode.terminated
        assert not episode.truncated
        assert episode.instruction == entry.instruction != ""
        assert episode.labels is not None
        assert episode.labels.progress[-1] == 1.0
        assert episode.success


def test_the_oracle_is_in_the_labels_alone(folder: Path) -> None:
    with np.load(folder / "episode_000000.npz") as arrays:
        assert {name for name in arrays.files if name.startswith("labels.")} == {
            "labels.progress",
            "labels.stage",
            "labels.success",
        }
        progress = arrays["labels.progress"]
        observations = arrays["observations"]
    for column in observations.T:
        assert not np.allclose(column, progress)


def test_going_on_gives_what_recording_at_once_gives(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "reach"
    record_demonstrations(_config(out, episodes=1))
    first = (out / "episode_000000.npz").read_bytes()
    counts: list[int] = []
    record_demonstrations(_config(out), report=counts.append)
    assert counts == [1, 2]
    assert (out / "episode_000000.npz").read_bytes() == first
    for at_once, resumed in zip(Demonstrations(folder), Demonstrations(out), strict=True):
        np.testing.assert_array_equal(at_once.actions, resumed.actions)
        np.testing.assert_array_equal(at_once.frames["wrist"], resumed.frames["wrist"])


def test_a_recording_killed_before_its_index_goes_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "reach"
    record_demonstrations(_config(out, episodes=1))
    (out / "episode_000001.npz").write_bytes(b"written, but not in the index")
    (out / ".index.json.unfinished").write_bytes(b"{")
    record_demonstrations(_config(out))
    np.testing.assert_array_equal(
        Demonstrations(out)[1].actions, Demonstrations(folder)[1].actions
    )


def test_episodes_differ_by_seed(folder: Path, tmp_path: Path) -> None:
    record_demonstrations(_config(tmp_path / "other", seed=1, episodes=1))
    first, other = Demonstrations(folder)[0], Demonstrations(tmp_path / "other")[0]
    assert not np.array_equal(first.observations[0], other.observations[0])


def test_other_settings_are_refused(folder: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    with pytest.raises(CheckpointError, match=r"`out` must be a new folder .* another seed"):
        record_demonstrations(_config(folder, seed=7, episodes=3))
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


def test_folders_of_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match=r"`out` must be .* such as thesis.tex"):
        record_demonstrations(_config(tmp_path))
    with pytest.raises(CheckpointError, match="`out` must be a folder, got the file"):
        record_demonstrations(_config(tmp_path / "thesis.tex"))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_tasks_without_an_expert_are_refused(tmp_path: Path) -> None:
    config = DemosConfig(task=TaskConfig(name="swing", id="Pendulum-v1"), out=str(tmp_path / "a"))
    with pytest.raises(ConfigError, match="must have a scripted expert, got 'Pendulum-v1'"):
        record_demonstrations(config)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("damage", ["{", "{}", '{"format": "other", "version": 9}'])
def test_a_damaged_index_is_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"index\.json' must be"):
        Demonstrations(tmp_path)


def test_a_damaged_episode_is_refused(tmp_path: Path) -> None:
    record_demonstrations(_config(tmp_path / "a", episodes=1))
    (tmp_path / "a" / "episode_000000.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(CheckpointError, match="must be a recorded episode, but cannot be read"):
        Demonstrations(tmp_path / "a")[0]


def test_command_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "reach"
    words = ["demos", "task=reach", "task.image_size=[16,16]", "episodes=1", f"out={out}"]
    assert run(words) == 0
    assert "1 episodes" in capsys.readouterr().out
    assert json.loads((out / "index.json").read_text())["format"] == "kibble-demonstrations"
