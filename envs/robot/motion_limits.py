"""The limits that hold for every command, whoever gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["CHECK_PERIOD", "MotionLimits"]

CHECK_PERIOD = 0.02
"""s between two looks of the watchdog at the command in force."""

_HORIZON = 3.0 * CHECK_PERIOD  # s; so late may the watchdog be for the box to hold still


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionLimits:
    """What a robot's commands may be; A axes, m and m/s or rad and rad/s.

    Args:
        speed: (A,) float64, largest speed of each axis, greater than 0.
        acceleration: (A,) float64, largest change of the speed, per s; inf for none.
        low: (A,) float64, the box that is not left; -inf where an axis has no bound.
        high: (A,) float64, the same upwards.
        watchdog: A policy's command is in force for so long, s; then the robot is held.
        staleness: A position that is older, s, holds the robot where an axis has a bound.
        lag: The longest time, s, from where the robot was to the message that says so, and from a
            command to the motion, both together.
        driving: A human's command is in force for so long, s.

    Raises:
        ConfigError: If lengths differ, or a limit is out of range.
    """

    speed: NDArray[np.float64]
    acceleration: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    watchdog: float
    staleness: float
    lag: float
    driving: float = 0.3

    def __post_init__(self) -> None:
        arrays = {
            name: np.asarray(getattr(self, name), np.float64)
            for name in ("speed", "acceleration", "low", "high")
        }
        shapes = {name: array.shape for name, array in arrays.items()}
        if self.speed.ndim != 1 or len(set(shapes.values())) > 1 or not len(self.speed):
            raise ConfigError(f"`limits` must have one entry per axis, got {shapes}.")
        for name in ("speed", "acceleration"):
            if not (arrays[name] > 0.0).all():  # NaN compares false, so it is refused
                raise ConfigError(f"`{name}` must be greater than 0, got {arrays[name].tolist()}.")
        if not np.isfinite(self.speed).all():
            raise ConfigError(f"`speed` must be finite, got {self.speed.tolist()}.")
        if not (self.low < self.high).all():
            raise ConfigError(
                f"`low` must lie below `high`, got {self.low.tolist()} and {self.high.tolist()}."
            )
        for name in ("watchdog", "staleness", "driving"):
            if not 0.0 < getattr(self, name) <= 60.0:
                raise ConfigError(f"`{name}` must lie in (0, 60] s, got {getattr(self, name)}.")
        if not 0.0 <= self.lag <= 10.0:
            raise ConfigError(f"`lag` must lie in [0, 10] s, got {self.lag}.")

    @property
    def axes(self) -> int:
        """Number of axes, A."""
        return len(self.speed)

    @property
    def bounded(self) -> NDArray[np.bool_]:
        """(A,) bool: which axes have a bound, so that their place has to be known."""
        return np.isfinite(self.low) | np.isfinite(self.high)

    @property
    def horizon(self) -> float:
        """For how long a velocity acts at most before it is looked at again, s."""
        return _HORIZON
