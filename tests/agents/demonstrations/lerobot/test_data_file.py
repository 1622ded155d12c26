"""Data files: schema, row groups, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kibble.agents.demonstrations.lerobot.data_file import episode_table, write_data_file
from kibble.agents.demonstrations.lerobot.features import (
    Feature,
    Position,
    arrow_schema,
    image_feature,
)
from kibble.agents.demonstrations.lerobot.pictures import decode_picture
from kibble.rewards.errors import ConfigError

FEATURES = {
    "action": Feature(dtype="float32", shape=(2,)),
    "stage": Feature(dtype="int64"),
    "kind": Feature(dtype="string"),
    "observation.images.front": image_feature(3, 5),
    "observation.images.film": image_feature(4, 6, video=True, fps=10.0),
}


def columns(rows: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(rows)
    return {
        "action": rng.normal(size=(rows, 2)).astype(np.float32),
        "stage": np.arange(rows, dtype=np.int8),
        "kind": np.full(rows, "stall"),
        "observation.images.front": rng.integers(0, 256, (rows, 3, 5, 3), np.uint8),
        "observation.images.film": np.zeros((rows, 4, 6, 3), np.uint8),
    }


def at(episode: int, first: int) -> Position:
    return Position(episode=episode, first_index=first, task_index=1, fps=4.0)


def test_columns_are_described_for_the_datasets_package() -> None:
    schema = arrow_schema(FEATURES)
    assert "observation.images.film" not in schema.names
    described = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(described) == schema.names
    assert described["observation.images.front"] == {"_type": "Image"}
    assert described["stage"] == {"dtype": "int64", "_type": "Value"}
    assert described["action"] == {
        "feature": {"dtype": "float32", "_type": "Value"},
        "length": 2,
        "_type": "List",
    }


def test_an_episode_is_a_row_group(tmp_path: Path) -> None:
    path = tmp_path / "data" / "file.parquet"
    tables = (
        episode_table(columns(n), FEATURES, at(e, f)) for e, n, f in ((4, 3, 10), (5, 2, 13))
    )
    assert write_data_file(path, tables, FEATURES) == 5
    assert pq.read_metadata(path).num_row_groups == 2
    table = pq.read_table(path)
    assert table.column("index").to_pylist() == [10, 11, 12, 13, 14]
    assert table.column("episode_index").to_pylist() == [4, 4, 4, 5, 5]
    assert table.column("frame_index").to_pylist() == [0, 1, 2, 0, 1]
    assert table.column("timestamp").to_pylist() == [0.0, 0.25, 0.5, 0.0, 0.25]
    assert table.column("kind").to_pylist() == ["stall"] * 5
    np.testing.assert_array_equal(
        np.array(table.column("action").to_pylist()[:3], np.float32), columns(3)["action"]
    )
    for stored, frame in zip(
        table.column("observation.images.front").to_pylist()[3:],
        columns(2)["observation.images.front"],
        strict=True,
    ):
        np.testing.assert_array_equal(decode_picture(stored["bytes"]), frame)
    assert [one.name for one in path.parent.iterdir()] == ["file.parquet"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    write_data_file(path, [episode_table(columns(2), FEATURES, at(0, 0))], FEATURES)
    before = path.read_bytes()

    def killed():  # type: ignore[no-untyped-def]
        yield episode_table(columns(3), FEATURES, at(0, 0))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_data_file(path, killed(), FEATURES)
    assert path.read_bytes() == before
    assert list(tmp_path.glob("*.parquet")) == [path]


def test_columns_that_do_not_fit_are_refused() -> None:
    short = {**columns(3), "action": np.zeros((3, 1), np.float32)}
    with pytest.raises(
        ConfigError, match=r"'action' must have 3 rows of shape \(2,\), got an arr"
    ):
        episode_table(short, FEATURES, at(0, 0))
    absent = columns(3)
    del absent["stage"]
    with pytest.raises(ConfigError, match=r"'stage' must have 3 rows .* got none"):
        episode_table(absent, FEATURES, at(0, 0))
    with pytest.raises(ConfigError, match=r"must have one axis, got shape \(2, 2\) for 'pose'"):
        arrow_schema({"pose": Feature(dtype="float32", shape=(2, 2))})
