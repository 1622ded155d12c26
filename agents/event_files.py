"""TensorBoard event files that a resumed run continues without a fold in the curves."""

from __future__ import annotations

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
    return Logger(folder=str(directory), output_formats=[EventFileWriter(directory, purge)])
