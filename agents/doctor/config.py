"""Settings of ``kibble doctor``."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["DoctorConfig"]


@dataclass(frozen=True, kw_only=True)
class DoctorConfig:
    """Settings of ``kibble doctor``.

    Args:
        format: table for people, json for programs.
        seconds: How long frames per second are measured for, in each graphics back end.
        timeout: Seconds after which a graphics back end that does not answer is given up.

    Raises:
        ConfigError: If a value is out of range.
    """

    format: str = "table"
    seconds: float = 0.5
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if self.format not in {"table", "json"}:
            raise ConfigError(f"`format` must be table or json, got {self.format!r}.")
        if not 0.0 < self.seconds <= 60.0:
            raise ConfigError(f"`seconds` must lie in (0, 60], got {self.seconds}.")
        if not self.timeout > 0.0:
            raise ConfigError(f"`timeout` must be above 0 seconds, got {self.timeout}.")
