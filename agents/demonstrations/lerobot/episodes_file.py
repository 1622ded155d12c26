"""Episode metadata of a LeRobot dataset: what each episode is, and which files hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot.layout import EPISODES_PATH, Place, write_at_once
from kibble.agents.demonstrations.lerobot.statistics import Statistics
from kibble.rewards.errors import CheckpointError

__all__ = ["EpisodeRow", "VideoSpan", "read_episode_rows", "write_episode_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpan:
    """Where one view of an episode lies.

    Args:
        place: The mp4.
        start: Time of its first frame there, s.
        stop: Time after its last frame, s.
    """

    place: Place
    start: float
    stop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One episode's metadata.

    Args:
        episode: Its number in the dataset.
        tasks: The sentences that were said in it.
        length: Rows.
        first_index: Number of its first row in the dataset.
        data: The data file.
        videos: Feature name to where its frames are, for features that are videos.
        statistics: Of each feature; empty where they were not read.
    """

    episode: int
    tasks: tuple[str, ...]
    length: int
    first_index: int
    data: Place
    videos: Mapping[str, VideoSpan] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=dict)


def write_episode_rows(folder: Path, place: Place, rows: Sequence[EpisodeRow]) -> None:
    """Write one file of episode metadata in one step.

    Args:
        folder: The dataset.
        place: Of the metadata file; files in order must hold episodes in order.
        rows: Of consecutive episodes, at least one, all with the same features.
    """
    table = pa.Table.from_pylist([_to_tree(row, place) for row in rows])
    write_at_once(place.path(folder, EPISODES_PATH), lambda file: pq.write_table(table, file))


def read_episode_rows(folder: Path, *, statistics: bool = False) -> list[EpisodeRow]:
    """Read the metadata of all episodes, in order.

    Args:
        folder: The dataset.
        statistics: Whether to read the statistics too.

    Raises:
        CheckpointError: If a file is damaged, a column is missing, or episodes are.
    """
    rows: list[EpisodeRow] = []
    for path in sorted(folder.glob("meta/episodes/chunk-*/file-*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                names = [
                    name
                    for name in file.schema_arrow.names
                    if statistics or not name.startswith("stats/")
                ]
                trees = file.read(columns=names).to_pylist()
            rows += [_from_tree(tree) for tree in trees]
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"'{path}' must hold episode metadata of LeRobot's v3.0, but cannot be read: "
                f"{error!r}; the file is cut off or damaged, as when a recording was killed: "
                "record or fetch it again."
            ) from error
    rows.sort(key=lambda row: row.episode)
    for number, row in enumerate(rows):
        if row.episode != number:
            what = "twice" if row.episode < number else "not at all"
            raise CheckpointError(
                f"'{folder}/meta/episodes' must describe every episode once, but has episode "
                f"{min(number, row.episode)} {what}; the dataset is incomplete: fetch or record "
                "it again."
            )
    return rows


def _to_tree(row: EpisodeRow, place: Place) -> dict[str, object]:
    tree: dict[str, object] = {
        "episode_index": row.episode,
        "tasks": list(row.tasks),
        "length": row.length,
        "data/chunk_index": row.data.chunk,
        "data/file_index": row.data.file,
        "dataset_from_index": row.first_index,
        "dataset_to_index": row.first_index + row.length,
    }
    for name, span in row.videos.items():
        tree |= {
            f"videos/{name}/chunk_index": span.place.chunk,
            f"videos/{name}/file_index": span.place.file,
            f"videos/{name}/from_timestamp": span.start,
            f"videos/{name}/to_timestamp": span.stop,
        }
    for name, figures in row.statistics.items():
        tree |= {f"stats/{name}/{key}": value.tolist() for key, value in figures.items()}
    return tree | {
        "meta/episodes/chunk_index": place.chunk,
        "meta/episodes/file_index": place.file,
    }


def _from_tree(tree: Mapping[str, Any]) -> EpisodeRow:
    videos: dict[str, VideoSpan] = {}
    statistics: dict[str, dict[str, NDArray[np.generic]]] = {}
    for key, value in tree.items():
        if key.startswith("videos/") and key.endswith("/file_index") and value is not None:
            stem = key.removesuffix("/file_index")
            videos[stem.removeprefix("videos/")] = VideoSpan(
                place=Place(chunk=int(tree[f"{stem}/chunk_index"]), file=int(value)),
                start=float(tree[f"{stem}/from_timestamp"]),
                stop=float(tree[f"{stem}/to_timestamp"]),
            )
        elif key.startswith("stats/") and value is not None:
            name, _, figure = key.removeprefix("stats/").rpartition("/")
            statistics.setdefault(name, {})[figure] = np.asarray(value)
    return EpisodeRow(
        episode=int(tree["episode_index"]),
        tasks=tuple(map(str, tree["tasks"])),
        length=int(tree["length"]),
        first_index=int(tree["dataset_from_index"]),
        data=Place(chunk=int(tree["data/chunk_index"]), file=int(tree["data/file_index"])),
        videos=videos,
        statistics=statistics,
    )
