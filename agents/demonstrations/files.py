"""Demonstrations on disk: one ``.npz`` per episode beside an ``index.json``.

``index.json`` holds ``format``, ``version``, ``settings`` (task, seed, noise, failures),
``attempts`` (episodes played so far, failures included), ``control_dt`` (s),
``observation_names`` and ``episodes``: a list of objects with ``file``, ``seed``, ``steps``,
``success`` and ``instruction``.

An episode of T steps holds these arrays:

=====================  ======================  ======================================
name                   shape                   what
=====================  ======================  ======================================
``frames.<view>``      (T + 1, H, W, 3) uint8  RGB, one per state
``observations``       (T + 1, D) float32      as the environment gives them
``actions``            (T, A) float32          ``actions[t]`` leads from state t to t + 1
``rewards``            (T,) float32            sparse
``terminated``         () bool                 the last state ended the task
``truncated``          () bool                 the time limit ended the episode
``instruction``        () text                 one sentence
``labels.progress``    (T + 1,) float32        the simulator's own, for evaluation alone
``labels.stage``       (T + 1,) int64          likewise
``labels.success``     (T + 1,) bool           likewise
=====================  ======================  ======================================
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, cast, final, overload

import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.episode import Labels, RecordedEpisode
from kibble.rewards.errors import CheckpointError

__all__ = ["Demonstrations", "EpisodeEntry", "Index", "read_index", "write_episode", "write_index"]

_FORMAT, _VERSION = "kibble-demonstrations", 1
_INDEX = "index.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEntry:
    """What the index says of one episode.

    Args:
        file: Name within the folder.
        seed: Seed of its reset.
        steps: T.
        success: Whether it ended in success.
        instruction: The task in one sentence.
    """

    file: str
    seed: int
    steps: int
    success: bool
    instruction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What ``index.json`` holds.

    Args:
        settings: What was asked for; recording goes on only under the same settings.
        attempts: Episodes played so far, failures included.
        control_dt: Seconds between states, or ``None`` where the environment does not say.
        observation_names: D names, or none.
        episodes: The episodes in the folder, in order.
    """

    settings: dict[str, object]
    attempts: int
    control_dt: float | None
    observation_names: tuple[str, ...]
    episodes: tuple[EpisodeEntry, ...]


@final
class Demonstrations(Sequence[RecordedEpisode]):
    """Reads recorded demonstrations, each when it is asked for.

    Args:
        folder: Where ``index.json`` lies.

    Raises:
        CheckpointError: If there is no readable index.

    ``Demonstrations(Path("data/push"))[0].frames["front"]`` are the first episode's frames.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents = read_index(folder)

    def __len__(self) -> int:
        return len(self.contents.episodes)

    @overload
    def __getitem__(self, number: int) -> RecordedEpisode: ...

    @overload
    def __getitem__(self, number: slice) -> list[RecordedEpisode]: ...

    def __getitem__(self, number: int | slice) -> RecordedEpisode | list[RecordedEpisode]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        return _read_episode(self.folder / self.contents.episodes[number].file)


def read_index(folder: Path) -> Index:
    """Read ``index.json``.

    Raises:
        CheckpointError: If it is missing, damaged, or of another format.
    """
    path = folder / _INDEX
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        if (tree["format"], tree["version"]) != (_FORMAT, _VERSION):
            raise CheckpointError(
                f"'{path}' must be of format {_FORMAT} {_VERSION}, got {tree['format']} "
                f"{tree['version']}; read it with the version of kibble that wrote it."
            )
        return Index(
            settings=tree["settings"],
            attempts=int(tree["attempts"]),
            control_dt=tree["control_dt"],
            observation_names=tuple(tree["observation_names"]),
            episodes=tuple(EpisodeEntry(**entry) for entry in tree["episodes"]),
        )
    except FileNotFoundError as error:
        raise CheckpointError(
            f"'{folder}' must hold demonstrations, but has no {_INDEX}; "
            "record some with `kibble demos out=…`."
        ) from error
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"'{path}' must be an index of demonstrations, but cannot be read: {error!r}; "
            "record into another folder."
        ) from error


def write_index(folder: Path, index: Index) -> None:
    """Write ``index.json`` in one step: a reader sees the old one or the new one."""
    text = json.dumps({"format": _FORMAT, "version": _VERSION, **asdict(index)}, indent=1)
    _write_at_once(folder / _INDEX, lambda file: file.write(text.encode()))


def write_episode(path: Path, episode: RecordedEpisode) -> None:
    """Write an episode in one step; its index entry is written after it."""
    arrays: dict[str, NDArray[np.generic]] = {
        **{f"frames.{view}": frames for view, frames in episode.frames.items()},
        "observations": episode.observations,
        "actions": episode.actions,
        "rewards": episode.rewards,
        "terminated": np.asarray(episode.terminated),
        "truncated": np.asarray(episode.truncated),
        "instruction": np.asarray(episode.instruction),
    }
    if episode.labels is not None:
        arrays |= {
            "labels.progress": episode.labels.progress,
            "labels.stage": episode.labels.stage,
            "labels.success": episode.labels.success,
        }
    _write_at_once(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))


def _read_episode(path: Path) -> RecordedEpisode:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            labels = None
            if "labels.progress" in arrays:
                labels = Labels(
                    progress=arrays["labels.progress"],
                    stage=arrays["labels.stage"],
                    success=arrays["labels.success"],
                )
            return RecordedEpisode(
                instruction=str(arrays["instruction"]),
                frames={
                    name.removeprefix("frames."): arrays[name]
                    for name in arrays.files
                    if name.startswith("frames.")
                },
                observations=arrays["observations"],
                actions=arrays["actions"],
                rewards=arrays["rewards"],
                terminated=bool(arrays["terminated"]),
                truncated=bool(arrays["truncated"]),
                labels=labels,
            )
    except (FileNotFoundError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"'{path}' must be a recorded episode, but cannot be read: {error}; "
            "record into another folder."
        ) from error


def _write_at_once(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the file, make sure it is on the disk, and put it into its place."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        write(cast("BinaryIO", file))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
