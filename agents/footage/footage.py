"""What a reward model is asked to judge: frames, when they were taken, and what was wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Frames

__all__ = ["Footage"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Footage:
    """One episode as recorded, from one or several views at the same moments.

    Args:
        name: Short name for titles and folders.
        frames: (T, H, W, 3) uint8 RGB per view, T >= 1; H and W may differ between views.
        times: (T,) float64 s since the first frame, strictly rising.
        instruction: What was wanted, or ``None`` where the recording does not say.
        oracle: (T,) float32 progress in [0, 1] that the simulator knew, or ``None``.
        warnings: What a user should know of the recording, one sentence each.
        stamps: (T,) int64 ns since the epoch, by the clock that the cameras were stamped with, or
            ``None`` where the recording has no such clock.

    Raises:
        FrameError: If views or times do not fit together.
    """

    name: str
    frames: Frames
    times: NDArray[np.float64]
    instruction: str | None = None
    oracle: NDArray[np.float32] | None = None
    warnings: tuple[str, ...] = ()
    stamps: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        count = check_frames(self.frames)
        if count < 1 or self.times.shape != (count,):
            raise FrameError(
                f"Footage must hold one time for each of at least one frames, got {count} frames "
                f"and times of shape {self.times.shape}."
            )
        if not (np.diff(self.times) > 0.0).all():
            raise FrameError("The times of footage must rise from frame to frame.")
        for name, values in (("oracle", self.oracle), ("stamps", self.stamps)):
            if values is not None and values.shape != (count,):
                raise FrameError(
                    f"`{name}` must have shape ({count},) like the times, got {values.shape}."
                )

    def __len__(self) -> int:
        return int(self.times.shape[0])

    @property
    def frame_rate(self) -> float | None:
        """Frames per second on average; ``None`` of a single frame.

        >>> frames = {"front": np.zeros((3, 4, 4, 3), np.uint8)}
        >>> Footage(name="a", frames=frames, times=np.array([0.0, 0.25, 0.5])).frame_rate
        4.0
        """
        return (len(self) - 1) / float(np.ptp(self.times)) if len(self) > 1 else None

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views, in the order given."""
        return tuple(self.frames)
