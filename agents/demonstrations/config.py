"""Settings of ``kibble demos``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.agents.config import TaskConfig
from kibble.rewards.errors import ConfigError

__all__ = ["DemosConfig"]


@dataclass(frozen=True, kw_only=True)
class DemosConfig:
    """Settings of ``kibble demos``.

    Args:
        task: The environment and what it is told to do.
        episodes: Episodes that the folder is to hold; those already there count.
        seed: Source of every episode's own seed.
        noise: Whether the expert's actions are disturbed, so that demonstrations differ.
        failures: Whether episodes that do not succeed are kept too.
        video: Whether frames are stored as H.264, which is smaller; otherwise as lossless PNG.
        out: Folder; null makes data/<task>.

    Raises:
        ConfigError: If a value is out of range.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    episodes: int = 20
    seed: int = 0
    noise: bool = True
    failures: bool = False
    video: bool = False
    out: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.episodes <= 1_000_000:
            raise ConfigError(f"`episodes` must lie in [1, 1000000], got {self.episodes}.")
        if self.seed < 0:
            raise ConfigError(f"`seed` must be at least 0, got {self.seed}.")
