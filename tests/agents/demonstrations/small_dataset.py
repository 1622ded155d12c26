"""A small LeRobot dataset of somebody else: several files, tasks and views, no outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot import layout
from kibble.agents.demonstrations.lerobot.data_file import episode_table, write_data_file
from kibble.agents.demonstrations.lerobot.episodes_file import (
    EpisodeRow,
    VideoSpan,
    write_episode_rows,
)
from kibble.agents.demonstrations.lerobot.features import Feature, Position, image_feature
from kibble.agents.demonstrations.lerobot.info import (
    Info,
    write_info,
    write_statistics,
    write_tasks,
)
from kibble.agents.demonstrations.lerobot.layout import Place
from kibble.agents.demonstrations.lerobot.statistics import episode_statistics, join_statistics
from kibble.agents.demonstrations.lerobot.videos import write_video

SHARDS = ((5, 3), (4,))  # rows of the episodes in each data file
TASKS = ("put the cup away", "open the door")
FPS = 20.0

Extra = Callable[[int, int], dict[str, NDArray[np.generic]]]


def frames_of(episode: int, rows: int, *, view: int = 0) -> NDArray[np.uint8]:
    """(N, 16, 24, 3) frames, each of one grey that tells which one it is."""
    greys = 20 + 60 * episode + 10 * np.arange(rows) + 4 * view
    return np.broadcast_to(greys[:, None, None, None], (rows, 16, 24, 3)).astype(np.uint8)


def write_small_dataset(
    folder: Path,
    *,
    video: bool = False,
    features: dict[str, Feature] | None = None,
    extra: Extra = lambda episode, rows: {},
) -> None:
    """Write three episodes as two parallel workers would: each its own files, meta/info.json last.

    Args:
        folder: The dataset.
        video: Whether frames are videos.
        features: Beyond state, action and the two views.
        extra: Their columns, by episode and number of rows.
    """
    features = {
        "observation.state": Feature(dtype="float32", shape=(2,), names=("x", "y")),
        "action": Feature(dtype="float32", shape=(1,)),
        "observation.images.left": image_feature(16, 24, video=video, fps=FPS),
        "observation.images.right": image_feature(16, 24, video=video, fps=FPS),
        **(features or {}),
    }
    rows: list[EpisodeRow] = []
    for shard, lengths in enumerate(SHARDS):
        place = Place.numbered(shard * layout.CHUNK_SIZE)  # each in a chunk of its own
        columns, positions = [], []
        for length in lengths:
            episode = len(rows) + len(columns)
            first = sum(sum(SHARDS, ())[:episode])
            columns.append(
                {
                    "observation.state": np.stack(
                        [np.full(length, episode), np.arange(length)], axis=1
                    ).astype(np.float32),
                    "action": np.arange(length, dtype=np.float32) + 1.0,
                    "observation.images.left": frames_of(episode, length),
                    "observation.images.right": frames_of(episode, length, view=1),
                    **extra(episode, length),
                }
            )
            positions.append(
                Position(episode=episode, first_index=first, task_index=episode % 2, fps=FPS)
            )
        tables = (
            episode_table(one, features, position)
            for one, position in zip(columns, positions, strict=True)
        )
        write_data_file(place.path(folder, layout.DATA_PATH), tables, features)
        spans = {
            name: write_video(
                place.path(folder, layout.VIDEO_PATH, video_key=name),
                [one[name].astype(np.uint8) for one in columns],
                fps=FPS,
            )
            for name, feature in features.items()
            if feature.dtype == "video"
        }
        described = [
            EpisodeRow(
                episode=position.episode,
                tasks=(TASKS[position.task_index],),
                length=len(one["observation.state"]),
                first_index=position.first_index,
                data=place,
                videos={
                    name: VideoSpan(place=place, start=times[n][0], stop=times[n][1])
                    for name, times in spans.items()
                },
                statistics=episode_statistics(one, features, position),
            )
            for n, (one, position) in enumerate(zip(columns, positions, strict=True))
        ]
        write_episode_rows(folder, Place.numbered(shard), described)
        rows += described
    write_tasks(folder, TASKS)
    write_statistics(folder, join_statistics([row.statistics for row in rows]))
    write_info(
        folder,
        Info(
            fps=FPS,
            features=features,
            episodes=len(rows),
            frames=sum(row.length for row in rows),
            tasks=len(TASKS),
        ),
    )


def change_info(folder: Path, **changes: object) -> None:
    """Change entries of ``meta/info.json``."""
    path = folder / layout.INFO
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
