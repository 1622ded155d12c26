"""Settings of ``kibble ros say``."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["WORDS", "SayConfig"]

WORDS = ("ready", "success", "failure", "stop", "release")
"""What can be said."""


@dataclass(frozen=True, kw_only=True)
class SayConfig:
    """Settings of ``kibble ros say``.

    Args:
        word: ready (the scene is reset), success or failure (of the running episode), stop or
            release (the emergency stop); the name of the key may be left out.
        topic: Where it is said; null takes /kibble/human, or /emergency_stop for stop and
            release.
        seconds: How long to wait for somebody who listens.
        by: Who says so, for the record.
        transport: auto, dds (no ROS needed) or rclpy (within a ROS installation).
        domain: ROS domain, 0 to 232; null takes ROS_DOMAIN_ID, or 0.
        quiet: Whether to leave out the line that says that it was heard.

    Raises:
        ConfigError: If the word is not known or the time out of range.
    """

    word: str
    topic: str | None = None
    seconds: float = 5.0
    by: str = ""
    transport: str = "auto"
    domain: int | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        one_of("word", self.word, WORDS)
        if not 0.1 <= self.seconds <= 3600.0:
            raise ConfigError(f"`seconds` must lie in [0.1, 3600], got {self.seconds}.")
