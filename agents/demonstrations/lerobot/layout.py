"""Where the files of a LeRobot dataset (v3.0) lie, and how one is put into its place.

::

    meta/info.json                                features, counts, paths; written last
    meta/stats.json                               statistics of each feature
    meta/tasks.parquet                            the sentences, by number
    meta/episodes/chunk-000/file-000.parquet      one row per episode: what lies where
    data/chunk-000/file-000.parquet               one row per state
    videos/<feature>/chunk-000/file-000.mp4       frames, where they are not in the data files

Source:
    LeRobot's documentation of the dataset format v3.0, and ``lerobot.datasets`` 0.4 to 0.6.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

__all__ = [
    "CHUNK_SIZE",
    "CODEBASE_VERSION",
    "DATA_PATH",
    "EPISODES_PATH",
    "INFO",
    "STATS",
    "TASKS",
    "VIDEO_PATH",
    "Place",
    "write_at_once",
]

CODEBASE_VERSION = "v3.0"
CHUNK_SIZE = 1000  # files in one chunk folder
INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A file of a kind: the chunk that it is in and its number there.

    Args:
        chunk: At least 0.
        file: In [0, chunk size).
    """

    chunk: int = 0
    file: int = 0

    @classmethod
    def numbered(cls, number: int) -> Place:
        """Return the place of the file with this number among all of its kind.

        >>> Place.numbered(1002)
        Place(chunk=1, file=2)
        """
        return cls(chunk=number // CHUNK_SIZE, file=number % CHUNK_SIZE)

    def path(self, folder: Path, template: str, *, video_key: str = "") -> Path:
        """Fill in a template such as :data:`DATA_PATH` below a dataset's folder."""
        return folder / template.format(
            chunk_index=self.chunk, file_index=self.file, video_key=video_key
        )


def write_at_once(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the file, make sure it is on the disk, and put it into its place.

    A reader sees the old file or the new one. What a killed write leaves is hidden and ends in
    ``.unfinished``, so that nobody takes it for data.

    Args:
        path: The file; its folder is made.
        write: Given the open file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        write(cast("BinaryIO", file))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
