"""Quality of service, as far as this project chooses it."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["COMMAND", "LATCHED", "SENSOR", "STATE", "Qos"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Qos:
    """How a topic's messages travel; history is always "keep last".

    Args:
        reliable: Whether what is lost is sent again; otherwise best effort.
        depth: How many messages are kept, at least 1.
        transient_local: Whether those who come late get the last messages.

    Raises:
        ConfigError: If the depth is less than 1.
    """

    reliable: bool
    depth: int
    transient_local: bool = False

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ConfigError(f"`depth` must be at least 1, got {self.depth}.")


SENSOR = Qos(reliable=False, depth=5)
"""ROS's profile for sensor data: images, joint states."""

STATE = Qos(reliable=True, depth=10)
"""ROS's default profile: rewards, diagnostics, commands to a node."""

COMMAND = Qos(reliable=True, depth=1)
"""Commands to a robot: only the newest counts."""

LATCHED = Qos(reliable=True, depth=1, transient_local=True)
"""What late-comers need to know: camera_info of a recording, a description."""
