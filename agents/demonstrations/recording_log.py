"""``meta/kibble.json``: what a recording needs to know to go on, beside the dataset itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kibble.agents.demonstrations.lerobot.layout import write_at_once
from kibble.rewards.errors import CheckpointError

__all__ = ["LOG", "RecordedSeed", "RecordingLog", "read_log", "write_log"]

LOG = "meta/kibble.json"
_FORMAT, _VERSION = "kibble-recording", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSeed:
    """How one of the dataset's episodes came about.

    Args:
        seed: Seed of its reset.
        success: Whether it ended in success.
    """

    seed: int
    success: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLog:
    """How far a recording is.

    Args:
        settings: What was asked for; recording goes on only under the same settings.
        attempts: Episodes played so far, failures included.
        control_dt: Seconds between states.
        observation_names: D names.
        episodes: Of each episode in the dataset, in order.
    """

    settings: dict[str, object]
    attempts: int
    control_dt: float
    observation_names: tuple[str, ...]
    episodes: tuple[RecordedSeed, ...]


def read_log(folder: Path) -> RecordingLog:
    """Read ``meta/kibble.json``.

    Raises:
        CheckpointError: If it is missing, damaged, or of another version.
    """
    path = folder / LOG
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        if (tree["format"], tree["version"]) != (_FORMAT, _VERSION):
            raise CheckpointError(
                f"'{path}' must be of format {_FORMAT} {_VERSION}, got {tree['format']} "
                f"{tree['version']}; go on with the version of kibble that wrote it."
            )
        return RecordingLog(
            settings=tree["settings"],
            attempts=int(tree["attempts"]),
            control_dt=float(tree["control_dt"]),
            observation_names=tuple(tree["observation_names"]),
            episodes=tuple(RecordedSeed(**entry) for entry in tree["episodes"]),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"'{path}' must say how far the recording is, but cannot be read: {error!r}; "
            "record into another folder."
        ) from error


def write_log(folder: Path, log: RecordingLog) -> None:
    """Write ``meta/kibble.json`` in one step, after everything that it speaks of."""
    text = json.dumps({"format": _FORMAT, "version": _VERSION, **asdict(log)}, indent=1)
    write_at_once(folder / LOG, lambda file: file.write(text.encode()))
