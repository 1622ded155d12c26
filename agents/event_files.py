"""TensorBoard event files that a resumed run continues without a fold in the curves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, final

from stable_baselines3.common.logger import KVWriter, Logger
from torch.utils.tensorboard import SummaryWriter

__all__ = ["make_logger"]


@final
class EventFileWriter(KVWriter):
    """Write scalars as TensorBoard events.

    Args:
        directory: Where event files go.
        purge_step: Events of earlier files at this step or later are void, or ``None``.
    """

    def __init__(self, directory: Path, purge_step: int | None) -> None:
        self._writer = SummaryWriter(str(directory), purge_step=purge_step)

    def write(
        self,
        key_values: dict[str, Any],  # the base class says so
        key_excluded: dict[str, tuple[str, ...]],
        step: int = 0,
    ) -> None:
        """Write the numbers among the values."""
        for key, value in key_values.items():
            if "tensorboard" not in (key_excluded.get(key) or ()) and isinstance(
                value, int | float
            ):
                self._writer.add_scalar(key, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def make_logger(directory: Path, *, resumed_at: int | None) -> Logger:
    """Make the logger of a run.

    Args:
        directory: Where event files go.
        resumed_at: Step of the checkpoint that training goes on from, or ``None``.
    """
    purge = None if resumed_at is None else resumed_at + 1
    _outwait_older_files(directory)
    return Logger(folder=str(directory), output_formats=[EventFileWriter(directory, purge)])


def _outwait_older_files(directory: Path) -> None:
    """Let the second pass in which the newest event file was made, if it has not passed yet.

    Event files are read in the order of their names, which begin with that second; of two files
    of one second the later one may be read first, and its purge then comes too early.
    """
    seconds = [int(path.name.split(".")[3]) for path in directory.glob("events.out.tfevents.*")]
    while seconds and time.time() < max(seconds) + 1 and time.time() >= max(seconds):
        time.sleep(0.05)  # ok: for a second at most, where a run is resumed at once
