"""Reading LeRobot datasets, ours and others': what comes out, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.agents.demonstrations.small_dataset import (
    FPS,
    TASKS,
    change_info,
    frames_of,
    write_small_dataset,
)

from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.lerobot.features import Feature, image_feature
from kibble.rewards.errors import CheckpointError, ConfigError

REAL = Path(__file__).parent / "data" / "lerobot_v3"  # written by lerobot 0.6.1 itself
EPISODES = "meta/episodes/chunk-000/file-{:03d}.parquet"
DATA = "data/chunk-{:03d}/file-000.parquet"
LEFT = "videos/observation.images.left/chunk-{:03d}/file-000.mp4"


@pytest.fixture(scope="module", params=[False, True], ids=["pictures", "videos"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets") / "theirs"
    write_small_dataset(folder, video=request.param)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


@pytest.fixture
def with_videos(tmp_path: Path) -> Path:
    write_small_dataset(tmp_path / "videos", video=True)
    return tmp_path / "videos"


@pytest.fixture
def with_pictures(tmp_path: Path) -> Path:
    write_small_dataset(tmp_path / "pictures")
    return tmp_path / "pictures"


def edit_rows(path: Path, **columns: list[object]) -> None:
    table = pq.read_table(path)
    for name, values in columns.items():
        number = table.column_names.index(name)
        column = pa.array(values, table.schema.field(number).type)
        table = table.set_column(number, table.schema.field(number), column)
    pq.write_table(table, path)


def test_what_the_lerobot_package_wrote_is_read_as_it_was_given() -> None:
    episodes = Demonstrations(REAL)
    assert [len(episode) for episode in episodes] == [6, 3, 8]
    assert episodes.info.fps == 30.0
    assert episodes.observation_names == ("shoulder", "elbow")
    for number, episode in enumerate(episodes):
        rows = len(episode) + 1
        assert episode.instruction == ("open the door" if number == 1 else "put the cup away")
        assert episode.observations.tolist() == [[number, t] for t in range(rows)]
        assert episode.actions.tolist() == [[t, -number] for t in range(rows - 1)]
        assert episode.labels is None
        assert episode.times == pytest.approx(np.arange(rows) / 30.0)
        for view, offset in (("laptop", 0), ("phone", 5)):
            grey = episode.frames[view].astype(float).mean(axis=(1, 2, 3))
            expected = 20 + 70 * number + 7 * np.arange(rows) + offset
            assert np.abs(grey - expected).max() < 2.0


def test_episodes_of_several_files_tasks_and_views(written: Path) -> None:
    episodes = Demonstrations(written)
    assert [len(episode) for episode in episodes] == [4, 2, 3]
    for number, episode in enumerate(episodes):
        rows = len(episode) + 1
        assert episode.instruction == TASKS[number % 2]
        assert episode.observations.tolist() == [[number, t] for t in range(rows)]
        assert episode.actions.tolist() == [[t + 1.0] for t in range(rows - 1)]
        assert episode.times == pytest.approx(np.arange(rows) / FPS)
        for view, name in enumerate(("left", "right")):
            shown = frames_of(number, rows, view=view).astype(int)
            lossless = episodes.info.features[f"observation.images.{name}"].dtype == "image"
            assert episode.frames[name].shape == shown.shape
            assert np.abs(episode.frames[name] - shown).max() <= (0 if lossless else 2)


def test_a_dataset_that_says_nothing_of_outcomes_is_taken_for_success(written: Path) -> None:
    episode = Demonstrations(written)[0]
    assert episode.outcome is None
    assert episode.labels is None
    assert episode.success
    assert episode.terminated
    assert not episode.truncated
    assert episode.rewards.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_what_a_dataset_says_of_outcomes_counts(tmp_path: Path) -> None:
    flag = Feature(dtype="bool")

    def outcomes(episode: int, rows: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        last = np.arange(rows) == rows - 1
        return {
            "next.reward": np.linspace(0.1, 0.5, rows).astype(np.float32),
            "next.done": last,
            "next.success": last & (episode != 1),
        }

    write_small_dataset(
        tmp_path,
        features={
            "next.reward": Feature(dtype="float32"),
            "next.done": flag,
            "next.success": flag,
        },
        extra=outcomes,
    )
    episodes = Demonstrations(tmp_path)
    assert [episode.outcome for episode in episodes] == [True, False, True]
    assert [episode.success for episode in episodes] == [True, False, True]
    # the last row's step leads nowhere that was recorded; its pay is the last known step's
    assert episodes[0].rewards == pytest.approx([0.1, 0.2, 0.3, 0.4 + 0.5])


def test_views_are_chosen_and_renamed(written: Path) -> None:
    assert set(Demonstrations(written)[0].frames) == {"left", "right"}
    assert Demonstrations(written, views=())[0].frames == {}
    assert set(Demonstrations(written, views=["right"])[0].frames) == {"right"}
    renamed = Demonstrations(written, views={"front": "left", "wrist": "observation.images.right"})
    both = Demonstrations(written)[1].frames
    assert list(renamed[1].frames) == ["front", "wrist"]
    np.testing.assert_array_equal(renamed[1].frames["front"], both["left"])
    np.testing.assert_array_equal(renamed[1].frames["wrist"], both["right"])
    with pytest.raises(ConfigError, match=r"`views` must be among \['left', 'right'\].*'top'"):
        Demonstrations(written, views=["top"])


def test_depth_is_no_view(tmp_path: Path) -> None:
    depth = image_feature(16, 24)
    depth = Feature(dtype="image", shape=depth.shape, info={"is_depth_map": True})
    write_small_dataset(
        tmp_path,
        features={"observation.images.depth": depth},
        extra=lambda episode, rows: {"observation.images.depth": frames_of(episode, rows)},
    )
    assert set(Demonstrations(tmp_path)[0].frames) == {"left", "right"}


def test_a_dataset_without_state_has_observations_without_columns(with_pictures: Path) -> None:
    info = json.loads((with_pictures / "meta/info.json").read_text())
    del info["features"]["observation.state"]
    (with_pictures / "meta/info.json").write_text(json.dumps(info))
    for chunk in (0, 1):
        path = with_pictures / DATA.format(chunk)
        pq.write_table(pq.read_table(path).drop_columns(["observation.state"]), path)
    assert Demonstrations(with_pictures)[0].observations.shape == (5, 0)


def test_one_episode_by_number(written: Path) -> None:
    episodes = Demonstrations(written)
    assert episodes.episode(1).instruction == "open the door"
    assert [len(episode) for episode in episodes[1:]] == [2, 3]
    for wrong in (-1, 3):
        with pytest.raises(ConfigError, match=rf"`episode` must lie in \[0, 2\].*got {wrong}"):
            episodes.episode(wrong)


def test_older_versions_are_told_how_to_be_converted(folder: Path) -> None:
    change_info(folder, codebase_version="v2.1")
    with pytest.raises(CheckpointError, match=r"v3\.0, got v2\.1; .*convert_dataset_v21_to_v30"):
        Demonstrations(folder)
    change_info(folder, codebase_version="v4.0")
    with pytest.raises(CheckpointError, match=r"got v4\.0; read it with a version of kibble"):
        Demonstrations(folder)


def test_a_dataset_without_info_is_half_written(folder: Path, tmp_path: Path) -> None:
    (folder / "meta/info.json").unlink()
    with pytest.raises(CheckpointError, match=r"half-written .* must have meta/info\.json"):
        Demonstrations(folder)
    with pytest.raises(CheckpointError, match=r"must be a LeRobot dataset .* no meta/info\.json"):
        Demonstrations(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        Demonstrations(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["{", "{}", "[]", '{"codebase_version": "v3.0", "fps": 0}'])
def test_a_damaged_info_is_refused(folder: Path, damage: str) -> None:
    (folder / "meta/info.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"must describe a LeRobot dataset, but cannot be"):
        Demonstrations(folder)


def test_metadata_that_was_not_finished_is_half_written(folder: Path) -> None:
    (folder / EPISODES.format(1)).unlink()
    with pytest.raises(CheckpointError, match=r"half-written: .* 3 episodes .* of 2 with 8"):
        Demonstrations(folder)
    (folder / EPISODES.format(0)).unlink()
    with pytest.raises(CheckpointError, match="half-written"):
        Demonstrations(folder)


def test_missing_episodes_are_named(folder: Path) -> None:
    (folder / EPISODES.format(0)).unlink()
    with pytest.raises(CheckpointError, match="has episode 0 not at all"):
        Demonstrations(folder)
    shutil.copy(folder / EPISODES.format(1), folder / EPISODES.format(0))
    edit_rows(folder / EPISODES.format(0), episode_index=[0])
    edit_rows(folder / EPISODES.format(1), episode_index=[0])
    with pytest.raises(CheckpointError, match="has episode 0 twice"):
        Demonstrations(folder)


def test_a_dataset_without_episodes_is_refused(folder: Path) -> None:
    change_info(folder, total_episodes=0, total_frames=0)
    shutil.rmtree(folder / "meta/episodes")
    with pytest.raises(CheckpointError, match="must hold at least one episode, but has none"):
        Demonstrations(folder)


@pytest.mark.parametrize("name", [EPISODES.format(0), "meta/tasks.parquet"])
def test_cut_off_metadata_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"parquet' must hold .* cannot be read"):
        Demonstrations(folder)


def test_cut_off_data_is_refused(folder: Path) -> None:
    content = (folder / DATA.format(0)).read_bytes()
    (folder / DATA.format(0)).write_bytes(content[: len(content) // 2])
    episodes = Demonstrations(folder)
    with pytest.raises(CheckpointError, match=r"must be a Parquet file with episode 0, but"):
        episodes[0]
    assert len(episodes[2]) == 3
    (folder / DATA.format(1)).unlink()
    with pytest.raises(CheckpointError, match=r"must hold episode 2, but does not exist"):
        episodes[2]


def test_data_that_does_not_fit_the_metadata_is_refused(folder: Path) -> None:
    edit_rows(folder / DATA.format(0), index=[0, 1, 2, 3, 4, 6, 7, 8])
    with pytest.raises(CheckpointError, match=r"episode 1 by `index` from 5 on, got 6 where 5"):
        Demonstrations(folder)[1]
    edit_rows(folder / DATA.format(0), episode_index=[0, 0, 0, 0, 1, 1, 1, 1])
    with pytest.raises(CheckpointError, match=r"must hold 5 rows of episode 0, got 4"):
        Demonstrations(folder)[0]
    edit_rows(folder / DATA.format(1), task_index=[7, 7, 7, 7])
    with pytest.raises(CheckpointError, match=r"sentence of episode 2, number 7, got .*\[0, 1\]"):
        Demonstrations(folder)[2]


def test_missing_values_are_refused(folder: Path) -> None:
    edit_rows(folder / DATA.format(1), action=[1.0, None, 3.0, 4.0])
    with pytest.raises(CheckpointError, match=r"'action' must have a value .* row 1 of the"):
        Demonstrations(folder)[2]


def test_a_view_that_is_missing_in_an_episode_is_named(
    with_pictures: Path, with_videos: Path
) -> None:
    edit_rows(with_pictures / DATA.format(1), **{"observation.images.left": [None] * 4})
    edit_rows(
        with_videos / EPISODES.format(1), **{"videos/observation.images.left/file_index": [None]}
    )
    for folder in (with_pictures, with_videos):
        assert len(Demonstrations(folder)[0]) == 4
        with pytest.raises(CheckpointError, match=r"'observation.images.left', but episode 2 has"):
            Demonstrations(folder)[2]
        assert set(Demonstrations(folder, views=["right"])[2].frames) == {"right"}


def test_damaged_pictures_are_refused(with_pictures: Path) -> None:
    broken = [{"bytes": b"no picture", "path": None}] * 4
    edit_rows(with_pictures / DATA.format(1), **{"observation.images.left": broken})
    with pytest.raises(CheckpointError, match=r"Frame 0 of .*left' in episode 2 .* be a picture"):
        Demonstrations(with_pictures)[2]


def test_missing_short_and_damaged_videos_are_refused(with_videos: Path) -> None:
    path = with_videos / LEFT.format(0)
    whole = path.read_bytes()
    shutil.copy(with_videos / LEFT.format(1), path)  # 4 frames where 8 belong
    with pytest.raises(CheckpointError, match=r"must show a frame at 0\.200 s, but 1 of 5 frames"):
        Demonstrations(with_videos)[0]
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"must be a video, but cannot be decoded"):
        Demonstrations(with_videos)[0]
    path.unlink()
    with pytest.raises(CheckpointError, match=r"must hold an episode's frames, but does not"):
        Demonstrations(with_videos)[0]
