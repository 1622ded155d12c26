"""Reads demonstrations: LeRobot datasets (v3.0), ours or anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kibble.agents.demonstrations.episode import Labels, RecordedEpisode
from kibble.agents.demonstrations.lerobot.episode_data import (
    column_values,
    read_frames,
    read_rows,
)
from kibble.agents.demonstrations.lerobot.episodes_file import EpisodeRow, read_episode_rows
from kibble.agents.demonstrations.lerobot.features import Features, is_depth
from kibble.agents.demonstrations.lerobot.info import Info, read_info, read_tasks
from kibble.rewards.errors import CheckpointError, ConfigError

__all__ = ["Demonstrations"]

_ORACLE = ("oracle.progress", "oracle.stage", "oracle.success")


@final
class Demonstrations(Sequence[RecordedEpisode]):
    """The episodes of a LeRobot dataset, each read when it is asked for.

    N rows are N states with N - 1 steps between them: the last row's action leads to a state
    that nobody recorded, and what that row pays is counted for the last step. Where a dataset
    has no ``observation.state`` or no ``action``, these have no columns. Where it says nothing of
    rewards and outcomes, it is taken for what it is called: every demonstration ends in success,
    which alone pays 1; :attr:`RecordedEpisode.outcome` stays ``None``.

    Args:
        folder: The dataset, where ``meta/info.json`` lies.
        views: Views to read by name, or names of ours to the dataset's: ``("front",)``, or
            ``{"front": "laptop"}``; ``None`` reads all but depth, ``()`` none. The view of
            ``observation.images.laptop`` is ``laptop``; full names work too.

    Raises:
        CheckpointError: If there is no readable dataset, or it is half-written.
        ConfigError: If a view is not known.

    ``Demonstrations(Path("data/push"))[0].frames["front"]`` are the first episode's frames.
    """

    def __init__(
        self, folder: Path, *, views: Sequence[str] | Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.info: Info = read_info(folder)
        described = read_episode_rows(folder)
        self.rows: list[EpisodeRow] = described[: self.info.episodes]  # info.json came last
        frames = sum(row.length for row in self.rows)
        if (len(self.rows), frames) != (self.info.episodes, self.info.frames):
            raise CheckpointError(
                f"'{folder}' is half-written: meta/info.json speaks of {self.info.episodes} "
                f"episodes with {self.info.frames} rows, meta/episodes of {len(self.rows)} with "
                f"{frames}; go on with the command that was recording it, fetch it again, or, if "
                "the lerobot package wrote it, record it anew and call its finalize()."
            )
        if not self.rows:
            raise CheckpointError(
                f"'{folder}' must hold at least one episode, but has none; record some with "
                "`kibble demos out=…`."
            )
        self._tasks = read_tasks(folder)
        self.views = _views(folder, self.info.features, views)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, number: int) -> RecordedEpisode: ...

    @overload
    def __getitem__(self, number: slice) -> list[RecordedEpisode]: ...

    def __getitem__(self, number: int | slice) -> RecordedEpisode | list[RecordedEpisode]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        return self._read(self.rows[number])

    @property
    def observation_names(self) -> tuple[str, ...]:
        """D names of the observation's elements, or none."""
        state = self.info.features.get("observation.state")
        return () if state is None or state.names is None else state.names

    def episode(self, number: int) -> RecordedEpisode:
        """Return one episode by its number, as a user gives it.

        Raises:
            ConfigError: If there is no such episode.
        """
        if not 0 <= number < len(self):
            raise ConfigError(
                f"`episode` must lie in [0, {len(self) - 1}], which are in '{self.folder}', got "
                f"{number}."
            )
        return self[number]

    def _read(self, row: EpisodeRow) -> RecordedEpisode:
        features = self.info.features
        wanted = list(self.views.values())
        table = read_rows(self.folder, self.info, row, pictures=wanted)
        actions = _matrix(table, "action")[:-1]
        success = _flags(table, "next.success")
        done = _flags(table, "next.done")
        outcome = None if success is None else bool(success[-1])
        truncated = _flags(table, "next.truncated")
        was_truncated = truncated is not None and bool(truncated[-1])
        terminated = _flags(table, "next.terminated")
        if terminated is not None:
            was_terminated = bool(terminated[-1])
        elif done is not None:
            was_terminated = bool(done[-1]) and not was_truncated
        else:
            was_terminated = outcome is not False
        return RecordedEpisode(
            instruction=self._instruction(table, row),
            frames={
                view: read_frames(self.folder, self.info, row, table, name)
                for view, name in self.views.items()
            },
            observations=_matrix(table, "observation.state"),
            actions=actions,
            rewards=_rewards(table, success=was_terminated if outcome is None else outcome),
            terminated=was_terminated,
            truncated=was_truncated,
            labels=_labels(table) if all(name in features for name in _ORACLE) else None,
            fps=self.info.fps,
            outcome=outcome,
        )

    def _instruction(self, table: pa.Table, row: EpisodeRow) -> str:
        number = int(column_values(table, "task_index")[0])
        if number not in self._tasks:
            raise CheckpointError(
                f"'{self.folder}/meta/tasks.parquet' must have the sentence of episode "
                f"{row.episode}, number {number}, got numbers {sorted(self._tasks)}; fetch or "
                "record the dataset again."
            )
        return self._tasks[number]


def _views(
    folder: Path, features: Features, wanted: Sequence[str] | Mapping[str, str] | None
) -> dict[str, str]:
    """Return our views' names to the dataset's features."""
    known = {
        name.removeprefix("observation.images.").removeprefix("observation."): name
        for name, feature in features.items()
        if feature.is_visual and not is_depth(feature)
    }
    if wanted is None:
        return known
    pairs = wanted if isinstance(wanted, Mapping) else {view: view for view in wanted}
    found = {}
    for view, asked in pairs.items():
        if asked not in known and asked not in known.values():
            raise ConfigError(
                f"`views` must be among {sorted(known)}, which '{folder}' has, got {asked!r}."
            )
        found[view] = known.get(asked, asked)
    return found


def _matrix(table: pa.Table, name: str) -> NDArray[np.float32]:
    """Return a feature as (N, D) float32, D = 0 where there is none."""
    if name not in table.column_names:
        return np.zeros((len(table), 0), np.float32)
    return column_values(table, name).reshape(len(table), -1).astype(np.float32)


def _flags(table: pa.Table, name: str) -> NDArray[np.bool_] | None:
    if name not in table.column_names:
        return None
    return column_values(table, name).reshape(len(table)).astype(np.bool_)


def _rewards(table: pa.Table, *, success: bool) -> NDArray[np.float32]:
    """Return (N - 1,) float32."""
    rewards = np.zeros(max(len(table) - 1, 0), np.float32)
    if "next.reward" in table.column_names:
        paid = _matrix(table, "next.reward")[:, 0]
        rewards = paid[:-1].copy()
        rewards[-1:] += paid[-1]
    else:
        rewards[-1:] = float(success)
    return rewards


def _labels(table: pa.Table) -> Labels:
    progress, stage, success = (column_values(table, name).reshape(len(table)) for name in _ORACLE)
    return Labels(
        progress=progress.astype(np.float32),
        stage=stage.astype(np.int64),
        success=success.astype(np.bool_),
    )
