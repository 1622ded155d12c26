"""What a monitor has seen, one JSON line each; survives a kill, like the log of episodes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from kibble.rewards.errors import CheckpointError

__all__ = ["Journal", "JournalRows", "read_journal"]


@final
class Journal:
    """Append-only file of episodes and findings.

    Args:
        path: The file; made if it is not there.
        keep: Bytes of it that a checkpoint knows of; what was written later is cut off. ``None``
            keeps all.

    Raises:
        CheckpointError: If the file is shorter than that.
    """

    def __init__(self, path: Path, *, keep: int | None = 0) -> None:
        size = path.stat().st_size if path.exists() else 0
        keep = size if keep is None else keep
        if size < keep:
            raise CheckpointError(
                f"'{path}' must hold the {keep} bytes that the checkpoint knows of, got {size}; "
                "restore the file from a copy, or train anew."
            )
        path.touch()
        os.truncate(path, keep)
        self._file = path.open("ab")

    def append(self, kind: str, row: Mapping[str, object]) -> None:
        """Write one row and hand it to the operating system; NaN becomes null."""
        plain = {key: _plain(value) for key, value in row.items()}
        self._file.write(json.dumps({"kind": kind, **plain}).encode() + b"\n")
        self._file.flush()

    def sync(self) -> int:
        """Make sure that all rows are on disk and return their length in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRows:
    """The rows of a journal, oldest first.

    Args:
        episodes: Rows of :class:`kibble.rewards.monitor.WatchedEpisode` with ``spread``.
        findings: Rows of :class:`kibble.rewards.monitor.Finding`.
    """

    episodes: list[dict[str, object]]
    findings: list[dict[str, object]]


def read_journal(path: Path) -> JournalRows:
    """Read a journal; a half-written last line is left out, and a missing file is empty."""
    rows: dict[str, list[dict[str, object]]] = {"episode": [], "finding": []}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                row = json.loads(line)
                rows[row.pop("kind")].append(row)
    return JournalRows(episodes=rows["episode"], findings=rows["finding"])


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
