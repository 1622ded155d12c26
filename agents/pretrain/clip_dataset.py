"""A LeRobot dataset (v3.0) of clips of one task, written shard by shard by several processes.

Beside what every such dataset has, ``meta/kibble/file-NNN.json`` says what the columns do not:
the kind of each clip, its goal, and all sentences for each goal. It is the last file of a shard,
and ``meta/info.json`` the last of the dataset, so that what a killed run left is recognised.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

from kibble.agents.demonstrations.lerobot import layout
from kibble.agents.demonstrations.lerobot.data_file import episode_table, write_data_file
from kibble.agents.demonstrations.lerobot.episodes_file import (
    EpisodeRow,
    read_episode_rows,
    write_episode_rows,
)
from kibble.agents.demonstrations.lerobot.features import Feature, Position
from kibble.agents.demonstrations.lerobot.info import (
    Info,
    write_info,
    write_statistics,
    write_tasks,
)
from kibble.agents.demonstrations.lerobot.layout import Place, write_at_once
from kibble.agents.demonstrations.lerobot.statistics import episode_statistics, join_statistics
from kibble.agents.pretrain.clip_columns import ClipNote, clip_columns, clip_features
from kibble.rewards.errors import CheckpointError
from kibble.rewards.grm.clips import Clip

__all__ = ["ClipDataset", "read_notes"]

_NOTES = "meta/kibble/chunk-{chunk_index:03d}/file-{file_index:03d}.json"


@final
@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClipDataset:
    """Where and how the clips of a task are written.

    Args:
        folder: The dataset.
        sentences: All that can be asked for in the task, in an order that never changes.
        fps: Frames per second.
        origin: What decides the clips, such as seed, steps and stride; shards of another origin
            are refused.
    """

    folder: Path
    sentences: tuple[str, ...]
    fps: float
    origin: Mapping[str, int]

    def has(self, shard: int, *, clips: int) -> bool:
        """Say whether a shard is there, whole, with so many clips or more.

        Raises:
            CheckpointError: If it was recorded in another way.
        """
        path = Place.numbered(shard).path(self.folder, _NOTES)
        if not path.exists():
            return False
        tree = _read(path)
        if tree["origin"] != dict(self.origin):
            raise CheckpointError(
                f"'{self.folder}' must hold clips of {dict(self.origin)}, but those that are "
                f"there are of {tree['origin']}; choose another directory, or the same settings."
            )
        return len(tree["clips"]) >= clips

    def write(self, shard: int, clips: Sequence[Clip], *, first_episode: int) -> None:
        """Write one shard; processes may write different ones at the same time.

        Args:
            shard: Its number.
            clips: At least one, all with the same number of frames in all shards.
            first_episode: Number of the first clip in the dataset.
        """
        place = Place.numbered(shard)
        notes = place.path(self.folder, _NOTES)
        notes.unlink(missing_ok=True)
        features = clip_features(clips[0])
        rows, tables = [], []
        for number, clip in enumerate(clips, start=first_episode):
            sentence = clip.phrasings[clip.goal][0]
            position = Position(
                episode=number,
                first_index=number * len(clip),
                task_index=self.sentences.index(sentence),
                fps=self.fps,
            )
            columns = clip_columns(clip)
            tables.append(episode_table(columns, features, position))
            rows.append(
                EpisodeRow(
                    episode=number,
                    tasks=(sentence,),
                    length=len(clip),
                    first_index=position.first_index,
                    data=place,
                    statistics=episode_statistics(columns, features, position),
                )
            )
        write_data_file(place.path(self.folder, layout.DATA_PATH), tables, features)
        write_episode_rows(self.folder, place, rows)
        tree = {
            "origin": dict(self.origin),
            "features": {name: feature.to_json() for name, feature in features.items()},
            "clips": [dataclasses.asdict(ClipNote.of(clip)) for clip in clips],
        }
        write_at_once(notes, lambda file: file.write(json.dumps(tree).encode()))

    def finish(self) -> None:
        """Write what speaks of all shards, ``info.json`` last; shard 0 must be there."""
        tree = _read(Place.numbered(0).path(self.folder, _NOTES))
        features = {name: Feature.from_json(each) for name, each in tree["features"].items()}
        rows = read_episode_rows(self.folder, statistics=True)
        write_tasks(self.folder, self.sentences)
        write_statistics(self.folder, join_statistics([row.statistics for row in rows]))
        info = Info(
            fps=self.fps,
            features=features,
            episodes=len(rows),
            frames=sum(row.length for row in rows),
            tasks=len(self.sentences),
            robot="kibble_tabletop",
        )
        write_info(self.folder, info)


def read_notes(folder: Path) -> dict[Place, list[ClipNote]]:
    """Return the notes of every shard of a dataset of clips.

    Raises:
        CheckpointError: If one is damaged.
    """
    found = {}
    for path in sorted(folder.glob("meta/kibble/chunk-*/file-*.json")):
        place = Place(chunk=int(path.parent.name[6:]), file=int(path.stem[5:]))
        found[place] = [ClipNote.from_json(tree) for tree in _read(path)["clips"]]
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(tree, dict) or not {"origin", "features", "clips"} <= set(tree):
            raise ValueError("`origin`, `features` or `clips` is missing")
    except ValueError as error:
        raise CheckpointError(
            f"'{path}' must say what its clips are, but cannot be read: {error}; delete it, and "
            "its shard is recorded again."
        ) from error
    return tree
