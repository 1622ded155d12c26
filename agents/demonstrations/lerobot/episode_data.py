"""Reads one episode's rows and frames from a LeRobot dataset, and checks them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot.episodes_file import EpisodeRow
from kibble.agents.demonstrations.lerobot.info import Info
from kibble.agents.demonstrations.lerobot.layout import VIDEO_PATH
from kibble.agents.demonstrations.lerobot.pictures import decode_picture
from kibble.agents.demonstrations.lerobot.videos import read_video_span
from kibble.rewards.errors import CheckpointError

__all__ = ["column_values", "read_frames", "read_rows"]


def read_rows(folder: Path, info: Info, row: EpisodeRow, *, pictures: list[str]) -> pa.Table:
    """Read an episode's rows.

    Args:
        folder: The dataset.
        info: What it says of itself.
        row: The episode.
        pictures: Features stored as pictures that are wanted; other pictures are left out.

    Returns:
        One row per state, checked to be the episode's, complete and in order.

    Raises:
        CheckpointError: If the data file is missing or damaged, or holds other rows.
    """
    path = row.data.path(folder, info.data_path)
    try:
        with pq.ParquetFile(path) as file:
            names = [
                name
                for name in file.schema_arrow.names
                if name in pictures
                or name not in info.features
                or not info.features[name].is_visual
            ]
        table = pq.read_table(path, columns=names, filters=[("episode_index", "=", row.episode)])
    except FileNotFoundError as error:
        raise CheckpointError(
            f"'{path}' must hold episode {row.episode}, but does not exist; the dataset is "
            "incomplete: fetch or copy its data too."
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise CheckpointError(
            f"'{path}' must be a Parquet file with episode {row.episode}, but cannot be read: "
            f"{error}; it is cut off or damaged, as when a recording was killed: fetch or record "
            "it again."
        ) from error
    _check_order(path, table, row)
    return table


def column_values(table: pa.Table, name: str) -> NDArray[np.generic]:
    """Return a column that is not of pictures as (N, *shape), scalars as (N,).

    Raises:
        CheckpointError: If a value is missing, or rows have different lengths.
    """
    column = table.column(name).combine_chunks()
    if column.null_count:
        missing = column.is_null().to_pylist().index(True)
        raise CheckpointError(
            f"Feature {name!r} must have a value in every row, but row {missing} of the episode "
            "has none; the dataset is damaged: fetch or record it again."
        )
    shape: tuple[int, ...] = (len(column),)
    while isinstance(column, pa.ExtensionArray):
        column = column.storage
    while pa.types.is_nested(column.type):
        inner = column.flatten()
        size, rest = divmod(len(inner), max(len(column), 1))
        if rest:
            raise CheckpointError(
                f"Feature {name!r} must have as many numbers in every row, got {len(inner)} in "
                f"{len(column)} rows; the dataset is damaged: fetch or record it again."
            )
        shape, column = (*shape, size), inner
        if column.null_count:
            raise CheckpointError(
                f"Feature {name!r} must have numbers alone, but {column.null_count} are missing; "
                "the dataset is damaged: fetch or record it again."
            )
    values: NDArray[np.generic] = np.asarray(column.to_numpy(zero_copy_only=False))
    return values.reshape(shape)


def read_frames(
    folder: Path, info: Info, row: EpisodeRow, table: pa.Table, name: str
) -> NDArray[np.uint8]:
    """Read the frames of one view, from the rows or from a video.

    Args:
        folder: The dataset.
        info: What it says of itself.
        row: The episode.
        table: Its rows, of :func:`read_rows`.
        name: The visual feature.

    Returns:
        (N, H, W, 3) uint8 RGB, one per row.

    Raises:
        CheckpointError: If the view is missing in the episode, or its frames are damaged.
    """
    if info.features[name].dtype == "image":
        return _frames_of_pictures(folder, row, table, name)
    span = row.videos.get(name)
    if span is None:
        raise _missing_view(folder, row, name)
    times = span.start + column_values(table, "timestamp").astype(np.float64)
    path = span.place.path(folder, info.video_path or VIDEO_PATH, video_key=name)
    return read_video_span(path, times, tolerance=0.5 / info.fps)


def _frames_of_pictures(
    folder: Path, row: EpisodeRow, table: pa.Table, name: str
) -> NDArray[np.uint8]:
    if name not in table.column_names:
        raise _missing_view(folder, row, name)
    frames = []
    for number, stored in enumerate(table.column(name).to_pylist()):
        if stored is None or (stored["bytes"] is None and stored["path"] is None):
            raise _missing_view(folder, row, name)
        try:
            frames.append(
                decode_picture(
                    folder / stored["path"] if stored["bytes"] is None else stored["bytes"]
                )
            )
        except OSError as error:
            raise CheckpointError(
                f"Frame {number} of {name!r} in episode {row.episode} of '{folder}' must be a "
                f"picture, but cannot be read: {error}; fetch or record the dataset again."
            ) from error
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        raise CheckpointError(
            f"Frames of {name!r} in episode {row.episode} of '{folder}' must have one size, got "
            f"{sorted(sizes)}; the dataset is damaged: fetch or record it again."
        )
    return np.stack(frames)


def _check_order(path: Path, table: pa.Table, row: EpisodeRow) -> None:
    """Refuse rows that are not what the metadata says."""
    if len(table) != row.length or row.length < 1:
        raise CheckpointError(
            f"'{path}' must hold {row.length} rows of episode {row.episode}, got {len(table)}; "
            "data and metadata do not fit each other: fetch or record the dataset again."
        )
    for name, first in (("frame_index", 0), ("index", row.first_index)):
        numbers = column_values(table, name)
        expected = np.arange(first, first + row.length)
        wrong = np.flatnonzero(numbers != expected)
        if wrong.size:
            raise CheckpointError(
                f"'{path}' must number the rows of episode {row.episode} by `{name}` from {first} "
                f"on, got {numbers[wrong[0]]} where {expected[wrong[0]]} belongs; data and "
                "metadata do not fit each other: fetch or record the dataset again."
            )


def _missing_view(folder: Path, row: EpisodeRow, name: str) -> CheckpointError:
    return CheckpointError(
        f"Every episode of '{folder}' must have the view {name!r}, but episode {row.episode} has "
        "not; leave the view out with `views=`, or the episode."
    )
