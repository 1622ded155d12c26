"""Appending episodes, and going on with a dataset that is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kibble.agents.demonstrations.columns import episode_columns, episode_features
from kibble.agents.demonstrations.episode import Labels, RecordedEpisode
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.writer import DatasetWriter
from kibble.rewards.errors import ConfigError


def episode(
    steps: int, *, terminated: bool = True, truncated: bool = False, labelled: bool = True
) -> RecordedEpisode:
    rng = np.random.default_rng(steps)
    labels = Labels(
        progress=np.linspace(0, 1, steps + 1, dtype=np.float32),
        stage=np.arange(steps + 1) // 2,
        success=np.arange(steps + 1) >= steps - 1,
    )
    return RecordedEpisode(
        instruction=f"count to {steps % 2}",
        frames={"front": rng.integers(0, 256, (steps + 1, 8, 6, 3), np.uint8)},
        observations=rng.normal(size=(steps + 1, 3)).astype(np.float32),
        actions=rng.normal(size=(steps, 2)).astype(np.float32),
        rewards=rng.normal(size=steps).astype(np.float32),
        terminated=terminated,
        truncated=truncated,
        labels=labels if labelled else None,
    )


def append(writer: DatasetWriter, one: RecordedEpisode) -> None:
    features = episode_features(one, observation_names=("a", "b", "c"), fps=5.0)
    writer.append(episode_columns(one), features, instruction=one.instruction)


@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_an_episode_comes_back_as_it_was(
    tmp_path: Path, terminated: bool, truncated: bool, labelled: bool
) -> None:
    one = episode(7, terminated=terminated, truncated=truncated, labelled=labelled)
    append(DatasetWriter(tmp_path, fps=5.0), one)
    (back,) = Demonstrations(tmp_path)
    np.testing.assert_array_equal(back.frames["front"], one.frames["front"])
    for name in ("observations", "actions", "rewards"):
        np.testing.assert_array_equal(getattr(back, name), getattr(one, name))
    assert back.instruction == one.instruction
    assert (back.terminated, back.truncated) == (terminated, truncated)
    assert back.success == one.success
    assert (back.labels is not None) == labelled
    if back.labels is not None and one.labels is not None:
        np.testing.assert_array_equal(back.labels.progress, one.labels.progress)
        np.testing.assert_array_equal(back.labels.stage, one.labels.stage)
        np.testing.assert_array_equal(back.labels.success, one.labels.success)


def test_rows_of_the_last_state(tmp_path: Path) -> None:
    append(DatasetWriter(tmp_path, fps=5.0), episode(4))
    table = pq.read_table(tmp_path / "data/chunk-000/file-000.parquet")
    assert table.column("action").to_pylist()[-1] == [0.0, 0.0]
    assert table.column("next.reward").to_pylist()[-1] == 0.0
    assert table.column("next.done").to_pylist() == [False] * 4 + [True]
    assert table.column("oracle.success").to_pylist() == [False] * 3 + [True] * 2
    assert table.column("next.success").to_pylist() == [False] * 2 + [True] * 3


def test_more_episodes_than_one_metadata_file_describes(tmp_path: Path) -> None:
    lengths = [1 + number % 3 for number in range(23)]
    at_once = DatasetWriter(tmp_path / "at_once", fps=5.0)
    for length in lengths:
        append(at_once, episode(length))
    for number, length in enumerate(lengths):
        append(DatasetWriter(tmp_path / "one_by_one", fps=5.0, keep=number), episode(length))
    files = {
        path.relative_to(tmp_path / "at_once"): path.read_bytes()
        for path in (tmp_path / "at_once").rglob("*")
        if path.is_file()
    }
    assert len(files) == 23 + 2 + 3
    for name, content in files.items():
        assert (tmp_path / "one_by_one" / name).read_bytes() == content
    back = Demonstrations(tmp_path / "at_once")
    assert [len(one) for one in back] == lengths
    assert {one.instruction for one in back} == {"count to 0", "count to 1"}
    assert [row.first_index for row in back.rows] == (
        np.cumsum([0, *lengths[:-1]]) + range(23)
    ).tolist()


def test_an_episode_of_other_features_is_refused(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, fps=5.0)
    features = episode_features(episode(3), fps=5.0)
    with pytest.raises(ConfigError, match=r"'oracle\.progress' must have 4 rows .* got none"):
        writer.append(
            episode_columns(episode(3, labelled=False)), features, instruction="count to 1"
        )
    assert len(writer) == 0
