"""How a simulated robot behaves in time."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["SimulatorSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """How a simulated robot behaves in time.

    Args:
        rate: Pictures of each view per s of the robot's time.
        state_rate: Joint states, poses, places and clock readings per s; commands are followed
            as often.
        command_timeout: s for which a velocity command holds.
        speed: Seconds of the robot's time per second.

    Raises:
        ConfigError: If a value is out of range.
    """

    rate: float = 30.0
    state_rate: float = 50.0
    command_timeout: float = 0.3
    speed: float = 1.0

    def __post_init__(self) -> None:
        _check_range("rate", self.rate, 0.1, 200.0, "Hz")
        _check_range("state_rate", self.state_rate, 1.0, 200.0, "Hz")
        _check_range("command_timeout", self.command_timeout, 0.01, 60.0, "s")
        _check_range("speed", self.speed, 0.01, 20.0, "times real time")


def _check_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise ConfigError(f"`{name}` must lie in [{low:g}, {high:g}] {unit}, got {value}.")
