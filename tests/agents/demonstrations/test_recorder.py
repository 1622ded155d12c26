"""Recording demonstrations: what is written, going on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kibble.agents.cli import run
from kibble.agents.config import TaskConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record_demonstrations
from kibble.agents.demonstrations.recording_log import read_log
from kibble.rewards.errors import CheckpointError, ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 40]
)
DATA = "data/chunk-000/file-{:03d}.parquet"


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
    assert demonstrations.info.fps == 10.0
    for row, episode in zip(demonstrations.rows, demonstrations, strict=True):
        steps = row.length - 1
        assert len(episode) == steps > 0
        assert set(episode.frames) == {"front", "wrist"}
        for frames in episode.frames.values():
            assert frames.shape == (steps + 1, 32, 40, 3)
            assert frames.dtype == np.uint8
        names = demonstrations.observation_names
        assert episode.observations.shape == (steps + 1, len(names))
        assert episode.actions.shape == (steps, 4)
        assert np.abs(episode.actions).max() <= 1.0
        assert episode.rewards.tolist() == [0.0] * (steps - 1) + [1.0]
        assert episode.terminated
        assert not episode.truncated
        assert (episode.instruction,) == row.tasks != ("",)
        assert episode.labels is not None
        assert episode.labels.progress[-1] == 1.0
        assert episode.success
        assert episode.times is not None
        assert episode.times[-1] == pytest.approx(steps * 0.1)


def test_the_oracle_is_in_its_own_columns_alone(folder: Path) -> None:
    table = pq.read_table(folder / DATA.format(0))
    assert {name for name in table.column_names if name.startswith("oracle.")} == {
        "oracle.progress",
        "oracle.stage",
        "oracle.success",
    }
    progress = table.column("oracle.progress").to_numpy()
    observations = np.array(table.column("observation.state").to_pylist())
    for column in observations.T:
        assert not np.allclose(column, progress)


def test_going_on_gives_what_recording_at_once_gives(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "reach"
    record_demonstrations(_config(out, episodes=1))
    first = (out / DATA.format(0)).read_bytes()
    counts: list[int] = []
    record_demonstrations(_config(out), report=counts.append)
    assert counts == [1, 2]
    assert (out / DATA.format(0)).read_bytes() == first
    assert (out / DATA.format(1)).read_bytes() == (folder / DATA.format(1)).read_bytes()
    for name in ("info.json", "stats.json", "tasks.parquet", "kibble.json"):
        assert (out / "meta" / name).read_bytes() == (folder / "meta" / name).read_bytes()
    for at_once, resumed in zip(Demonstrations(folder), Demonstrations(out), strict=True):
        np.testing.assert_array_equal(at_once.frames["wrist"], resumed.frames["wrist"])


def test_a_recording_killed_before_its_metadata_goes_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "reach"
    record_demonstrations(_config(out, episodes=1))
    (out / DATA.format(1)).write_bytes(b"written, but not in the metadata")
    (out / "meta" / ".info.json.unfinished").write_bytes(b"{")
    assert len(Demonstrations(out)) == 1
    record_demonstrations(_config(out))
    np.testing.assert_array_equal(
        Demonstrations(out)[1].actions, Demonstrations(folder)[1].actions
    )


def test_a_recording_killed_before_its_log_records_the_episode_again(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reach"
    record_demonstrations(_config(out, episodes=1))
    before = {name: (out / name).read_bytes() for name in ("meta/kibble.json", "meta/info.json")}
    record_demonstrations(_config(out))
    for name, content in before.items():
        (out / name).write_bytes(content)
    assert len(Demonstrations(out)) == 1  # what info.json does not speak of is not there yet
    record_demonstrations(_config(out))
    assert len(Demonstrations(out)) == 2
    assert read_log(out) == read_log(folder)


def test_a_recording_killed_before_its_first_episode_goes_on(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / ".kibble.json.unfinished").write_bytes(b"{")
    record_demonstrations(_config(tmp_path, episodes=1))
    assert len(Demonstrations(tmp_path)) == 1


def test_episodes_differ_by_seed(folder: Path, tmp_path: Path) -> None:
    record_demonstrations(_config(tmp_path / "other", seed=1, episodes=1))
    first, other = Demonstrations(folder)[0], Demonstrations(tmp_path / "other")[0]
    assert not np.array_equal(first.observations[0], other.observations[0])


def test_videos_show_what_pictures_show(folder: Path, tmp_path: Path) -> None:
    record_demonstrations(_config(tmp_path / "video", video=True))
    assert not pq.read_schema(tmp_path / "video" / DATA.format(0)).names.count(
        "observation.images.front"
    )
    for exact, episode in zip(
        Demonstrations(folder), Demonstrations(tmp_path / "video"), strict=True
    ):
        np.testing.assert_array_equal(exact.actions, episode.actions)
        for view, frames in exact.frames.items():
            assert episode.frames[view].shape == frames.shape
            loss = np.abs(episode.frames[view].astype(int) - frames).mean()
            other = np.abs(np.roll(episode.frames[view], 3, axis=0).astype(int) - frames).mean()
            assert loss < 6.0
            assert loss < other


def test_other_settings_are_refused(folder: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    with pytest.raises(CheckpointError, match=r"`out` must be a new folder .* another seed"):
        record_demonstrations(_config(folder, seed=7, episodes=3))
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


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
def test_a_damaged_log_is_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "kibble.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"kibble\.json' must"):
        record_demonstrations(_config(tmp_path))


def test_command_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "reach"
    words = ["demos", "task=reach", "task.image_size=[16,16]", "episodes=1", f"out={out}"]
    assert run(words) == 0
    assert "1 episodes" in capsys.readouterr().out
    assert json.loads((out / "meta/info.json").read_text())["codebase_version"] == "v3.0"
