"""Settings of ``kibble ros demo``."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["RosDemoConfig"]


@dataclass(frozen=True, kw_only=True)
class RosDemoConfig:
    """Settings of ``kibble ros demo``.

    Args:
        steps: Steps of training on the simulated robot, ten a second.
        helped: First episodes of training that are driven by teleoperation, as a human would.
        episodes: Episodes that the trained agent plays while they are recorded.
        seed: Source of scenes and exploration.
        domain: ROS domain, 0 to 232, which nobody else may use; it reaches no other machine.
        out: Folder; null makes runs/ros_demo.
        quiet: Whether to leave out the line of status.

    Raises:
        ConfigError: If a value is out of range.
    """

    steps: int = 1_500
    helped: int = 5
    episodes: int = 10
    seed: int = 0
    domain: int = 77
    out: str | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        for key in ("steps", "episodes"):
            if getattr(self, key) < 1:
                raise ConfigError(f"`{key}` must be at least 1, got {getattr(self, key)}.")
        if self.helped < 0:
            raise ConfigError(f"`helped` must be at least 0 episodes, got {self.helped}.")
        if self.seed < 0:
            raise ConfigError(f"`seed` must be at least 0, got {self.seed}.")
