"""One JSON line for each finished episode; survives a kill and can be cut back to a checkpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from kibble.rewards.errors import CheckpointError

__all__ = ["EpisodeLog", "EpisodeRecord", "read_episodes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """A finished episode of training.

    Args:
        index: Number of the episode in the run, from 0.
        env: Which of the parallel environments it ran in.
        steps: Environment steps of the whole run when it ended.
        length: Steps of the episode.
        return_task: Undiscounted sum of the task's own reward.
        return_shaped: Undiscounted sum of what the agent was paid.
        success: Whether the task was done at the end; None where the environment does not say.
        model_success: The reward model's probability of that, or None without a model.
        seconds: Wall time since training began, over all resumed parts.
    """

    index: int
    env: int
    steps: int
    length: int
    return_task: float
    return_shaped: float
    success: bool | None
    model_success: float | None
    seconds: float


@final
class EpisodeLog:
    """Append records to a file and know how long it is.

    Args:
        path: The file; made if missing.
        keep: Bytes to keep of what is there; the rest is cut off.

    Raises:
        CheckpointError: If the file is shorter than what is to be kept.
    """

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        path.touch()
        size = path.stat().st_size
        if size < keep:
            raise CheckpointError(
                f"'{path}' must hold the {keep} bytes that the checkpoint knows of, got {size}; "
                "restore the file from a copy, or train anew."
            )
        os.truncate(path, keep)
        self._file = path.open("ab")

    def append(self, record: EpisodeRecord) -> None:
        """Write one record and hand it to the operating system."""
        self._file.write(json.dumps(asdict(record)).encode() + b"\n")
        self._file.flush()

    def sync(self) -> int:
        """Make sure that all records are on disk and return their length in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_episodes(path: Path) -> Iterator[EpisodeRecord]:
    """Read the records of a run; a half-written last line is left out."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield EpisodeRecord(**json.loads(line))
