"""The reward models of the traps: they read real frames, and are wrong in one way each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.traps.definitions import CELL, TRAPS, Trap
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["TrapModel", "find_trap", "trap_model"]


def find_trap(name: str) -> Trap:
    """Return the trap of that name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in TRAPS:
        raise ConfigError(f"A trap must be one of {', '.join(TRAPS)}, got {name!r}.")
    return TRAPS[name]


def trap_model(name: str) -> TrapModel:
    """Return the flawed reward model of a trap.

    Raises:
        ConfigError: If there is no such trap.

    >>> trap_model("poster").spec.image_size
    (60, 120)
    """
    return TrapModel(find_trap(name))


@final
class TrapModel:
    """Progress as the trap's reading has it; sure of itself, right or wrong.

    The probability of success is 1 from 0.95 of progress on and 0 below; the confidence is 1.
    One frame always reads the same.

    Args:
        trap: The trap that it was made for.
    """

    def __init__(self, trap: Trap) -> None:
        self._trap = trap
        self._spec = ModelSpec(
            name=f"trap_{trap.name}",
            version="1",
            views=("front",),
            required_views=("front",),
            image_size=trap.image_size,
        )

    @property
    def spec(self) -> ModelSpec:
        """What the model is and the size of its frames."""
        return self._spec

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode and read its first frame."""
        check_frames(start_frames, views=self._spec.views, count=1)
        return Episode(task=task, progress=float(self._read(start_frames)[0]))

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read; see :class:`kibble.rewards.types.RewardModel`."""
        check_frames(frames, views=self._spec.views, count=len(episodes))
        progress = self._read(frames)
        for episode, value in zip(episodes, progress.tolist(), strict=True):
            episode.progress = value
            episode.steps += 1
        return Estimate(
            progress=progress,
            success=(progress >= 0.95).astype(np.float32),
            confidence=np.ones_like(progress),
            status=np.full(len(progress), Status.OK, np.int8),
        )

    def _read(self, frames: Frames) -> NDArray[np.float32]:
        return self._trap.read(frames["front"], cell=CELL).astype(np.float32)
