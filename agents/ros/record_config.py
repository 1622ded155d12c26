"""Settings of ``kibble ros record``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["RecordConfig"]


@dataclass(frozen=True, kw_only=True)
class RecordConfig:
    """Settings of ``kibble ros record``.

    Args:
        output: The bag, a new file that ends in .mcap or .db3, or a new folder without an ending;
            null makes bags/<date and time>.mcap.
        topics: Names of topics; * stands for any characters, slashes included.
        domain: ROS domain, 0 to 232; null takes ROS_DOMAIN_ID, or 0.
        name: Name of the node.
        duration: Seconds after which it ends, or null for Ctrl-C.
        memory_mb: Megabytes of messages that may wait for the disk; more are left out and
            counted.
        quiet: Whether to leave out the line of status.

    Raises:
        ConfigError: If a value is out of range.
    """

    output: str | None = None
    topics: list[str] = field(default_factory=lambda: ["*"])
    domain: int | None = None
    name: str = "kibble_recorder"
    duration: float | None = None
    memory_mb: int = 256
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.topics:
            raise ConfigError("`topics` must name topics, got none; write 'topics=[/camera/*]'.")
        if self.memory_mb < 1:
            raise ConfigError(f"`memory_mb` must be at least 1, got {self.memory_mb}.")
        if self.duration is not None and not self.duration > 0.0:
            raise ConfigError(
                f"`duration` must be above 0 s or null, got {self.duration}; null goes on until "
                "Ctrl-C."
            )
