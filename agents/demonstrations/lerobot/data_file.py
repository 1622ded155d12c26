"""Data files of a LeRobot dataset: one row per state, one row group per episode."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot.features import (
    Columns,
    Features,
    Position,
    arrow_schema,
)
from kibble.agents.demonstrations.lerobot.layout import write_at_once
from kibble.agents.demonstrations.lerobot.pictures import encode_picture
from kibble.rewards.errors import ConfigError

__all__ = ["episode_table", "write_data_file"]


def episode_table(columns: Columns, features: Features, position: Position) -> pa.Table:
    """Return one episode as a table that fits :func:`write_data_file`.

    Args:
        columns: Every feature but the index features; videos may be there and are left out.
        features: The dataset's, without the index features.
        position: Where the episode stands in the dataset.

    Raises:
        ConfigError: If a feature is missing, or a column does not have the feature's shape.
    """
    rows = len(next(iter(columns.values())))
    stored = position.columns(rows)
    for name, feature in features.items():
        column = columns.get(name)
        if column is None or column.size != rows * int(np.prod(feature.shape)):
            got = "none" if column is None else f"an array of shape {column.shape}"
            raise ConfigError(
                f"Feature {name!r} must have {rows} rows of shape {feature.shape}, got {got}."
            )
        stored[name] = column
    schema = arrow_schema(features)
    return pa.table([_array(stored[field.name], field.type) for field in schema], schema=schema)


def write_data_file(path: Path, tables: Iterable[pa.Table], features: Features) -> int:
    """Write episodes in one step, each as a row group; return the number of rows.

    Args:
        path: Such as ``Place.numbered(shard).path(folder, DATA_PATH)``.
        tables: Of :func:`episode_table`, in order; taken one at a time.
        features: The dataset's, without the index features.
    """
    schema = arrow_schema(features)
    plain = [field.name for field in schema if not pa.types.is_struct(field.type)]
    rows = 0

    def write(file: object) -> None:
        nonlocal rows
        with pq.ParquetWriter(file, schema, compression="snappy", use_dictionary=plain) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=max(len(table), 1))
                rows += len(table)

    write_at_once(path, write)
    return rows


def _array(column: NDArray[np.generic], arrow: pa.DataType) -> pa.Array:
    if pa.types.is_struct(arrow):
        pictures = [{"bytes": encode_picture(frame), "path": None} for frame in column]
        return pa.array(pictures, arrow)
    flat = pa.array(column.reshape(-1))
    if pa.types.is_fixed_size_list(arrow):
        return pa.FixedSizeListArray.from_arrays(flat.cast(arrow.value_type), arrow.list_size)
    return flat.cast(arrow)
