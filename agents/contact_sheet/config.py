"""Settings of ``kibble render``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.agents.config import TaskConfig
from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["RenderConfig"]


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """Settings of ``kibble render``.

    Args:
        task: The environment and what it is told to do.
        seed: Seed of the first row; the rows below count up from it.
        episodes: Rows of the sheet, one episode each.
        moments: Columns for each view, evenly spread from the first to the last step.
        policy: auto (the scripted expert where the task has one), expert or random.
        out: Picture to write, PNG; null makes render-<task>.png, with a number where that exists.
        overwrite: Whether a picture of that name may be replaced.

    Raises:
        ConfigError: If a value is out of range.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    seed: int = 0
    episodes: int = 3
    moments: int = 5
    policy: str = "auto"
    out: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        one_of("policy", self.policy, ("auto", "expert", "random"))
        for key in ("episodes", "moments"):
            if not 1 <= getattr(self, key) <= 50:
                raise ConfigError(f"`{key}` must lie in [1, 50], got {getattr(self, key)}.")
        if self.seed < 0:
            raise ConfigError(f"`seed` must be at least 0, got {self.seed}.")
        if self.out is not None and not self.out.lower().endswith(".png"):
            raise ConfigError(f"`out` must end in .png, got {self.out!r}.")
