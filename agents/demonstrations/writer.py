"""Appends episodes to a LeRobot dataset, which is whole again after each of them."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np

from kibble.agents.demonstrations.lerobot import layout
from kibble.agents.demonstrations.lerobot.data_file import episode_table, write_data_file
from kibble.agents.demonstrations.lerobot.episodes_file import (
    EpisodeRow,
    VideoSpan,
    read_episode_rows,
    write_episode_rows,
)
from kibble.agents.demonstrations.lerobot.features import Columns, Features, Position
from kibble.agents.demonstrations.lerobot.info import (
    Info,
    read_tasks,
    write_info,
    write_statistics,
    write_tasks,
)
from kibble.agents.demonstrations.lerobot.layout import Place
from kibble.agents.demonstrations.lerobot.statistics import (
    Statistics,
    episode_statistics,
    join_statistics,
)
from kibble.agents.demonstrations.lerobot.videos import write_video

__all__ = ["DatasetWriter"]

_ROWS_PER_FILE = 20  # episodes described by one metadata file, which is written anew for each


@final
class DatasetWriter:
    """Appends episodes, one data file and one video per view each.

    Everything is put into place by a rename and ``info.json`` comes last: whoever is killed in
    between leaves files of an episode that the dataset does not speak of yet, and the next
    writer puts its own in their place.

    Args:
        folder: The dataset; made with the first episode.
        fps: States per second.
        keep: Episodes at the folder's beginning that stay; the rest is written anew.

    Raises:
        CheckpointError: If the episodes that are there cannot be read.
    """

    def __init__(self, folder: Path, *, fps: float, keep: int = 0) -> None:
        self._folder = folder
        self._fps = fps
        self._rows: list[EpisodeRow] = []
        self._tasks: list[str] = []
        self._statistics: Statistics | None = None
        if keep:
            self._rows = read_episode_rows(folder, statistics=True)[:keep]
            for row in self._rows:
                self._count(row.statistics)
            numbered = read_tasks(folder)
            self._tasks = [numbered[number] for number in sorted(numbered)]

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, columns: Columns, features: Features, *, instruction: str) -> None:
        """Write one more episode.

        Args:
            columns: Its rows.
            features: The same for every episode.
            instruction: What was asked for, one sentence.

        Raises:
            ConfigError: If the columns do not fit the features, or a video's side is odd.
        """
        is_new = instruction not in self._tasks
        number = len(self._rows)
        place = Place.numbered(number)
        position = Position(
            episode=number,
            first_index=sum(row.length for row in self._rows),
            task_index=len(self._tasks) if is_new else self._tasks.index(instruction),
            fps=self._fps,
        )
        table = episode_table(columns, features, position)
        rows = write_data_file(place.path(self._folder, layout.DATA_PATH), [table], features)
        videos = {}
        for name in (name for name, feature in features.items() if feature.dtype == "video"):
            path = place.path(self._folder, layout.VIDEO_PATH, video_key=name)
            ((start, stop),) = write_video(path, [columns[name].astype(np.uint8)], fps=self._fps)
            videos[name] = VideoSpan(place=place, start=start, stop=stop)
        if is_new:
            self._tasks.append(instruction)
        figures = episode_statistics(columns, features, position)
        statistics = self._count(figures)
        self._rows.append(
            EpisodeRow(
                episode=number,
                tasks=(instruction,),
                length=rows,
                first_index=position.first_index,
                data=place,
                videos=videos,
                statistics=figures,
            )
        )
        self._describe(features, statistics)

    def _count(self, figures: Statistics) -> Statistics:
        """Add one episode's statistics to all; one by one, so that going on changes none."""
        parts = [figures] if self._statistics is None else [self._statistics, figures]
        self._statistics = join_statistics(parts)
        return self._statistics

    def _describe(self, features: Features, statistics: Statistics) -> None:
        """Bring the metadata up to date, ``info.json`` last."""
        newest = (len(self._rows) - 1) // _ROWS_PER_FILE
        write_episode_rows(
            self._folder, Place.numbered(newest), self._rows[newest * _ROWS_PER_FILE :]
        )
        write_tasks(self._folder, self._tasks)
        write_statistics(self._folder, statistics)
        write_info(
            self._folder,
            Info(
                fps=self._fps,
                features=features,
                episodes=len(self._rows),
                frames=sum(row.length for row in self._rows),
                tasks=len(self._tasks),
            ),
        )
