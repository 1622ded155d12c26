"""What happened in N environments side by side, in the order in which it is to be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Frames, Task

__all__ = ["Event", "Opened", "Stepped", "frames_of"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """Episodes began.

    Args:
        starts: Slot to the task and the start frames, (1, H, W, 3) uint8 RGB per view.
        weight: (N,) float64, weights of the potential to begin with, or ``None`` for those that
            are in force.
    """

    starts: Mapping[int, tuple[Task, Frames]]
    weight: NDArray[np.float64] | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stepped:
    """Every active slot took a step.

    Args:
        number: Steps of the vector environment before this one, over the whole run.
        rewards: (N,) float64, primary rewards.
        terminated: (N,) bool.
        truncated: (N,) bool.
        frames: Slot to its newest frames where they are due; always where an episode ends.
        penalty: (N,) float64 in [0, 1], product of soft penalties.
        infraction: (N,) bool, hard infractions.
        weight: (N,) float64, weights of the potential from this step on, or ``None`` for those
            that are in force.
        active: (N,) bool, or ``None`` where all slots took the step.
    """

    number: int
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    frames: Mapping[int, Frames]
    penalty: NDArray[np.float64]
    infraction: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None
    active: NDArray[np.bool_] | None = None


Event: TypeAlias = Opened | Stepped


def frames_of(event: Event) -> list[Frames]:
    """Return the frames that scoring the event will read, (1, H, W, 3) per view each."""
    if isinstance(event, Opened):
        return [frames for _, frames in event.starts.values()]
    return list(event.frames.values())
