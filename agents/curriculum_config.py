"""Where training episodes begin and what they ask for, while the agent still fails."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["CurriculumConfig"]


@dataclass(frozen=True, kw_only=True)
class CurriculumConfig:
    """A curriculum over start states or goals, led by the success rate. Training alone sees it.

    Args:
        kind: none; starts (a part of the episodes begins late in a demonstration, and earlier as
            these succeed); or goals (goals that fail are asked for more often).
        share: starts: part of the episodes that begin within a demonstration.
        stages: starts: places in each demonstration to begin at, evenly spaced.
        threshold: starts: success rate above which episodes begin one stage earlier.
        window: Episodes over which a success rate is taken.
        temperature: goals: a goal of success rate s has the weight (1 - s) ** (1 / temperature).
        floor: goals: least weight of a goal, so that none is forgotten.
    """

    kind: str = "none"
    share: float = 0.5
    stages: int = 5
    threshold: float = 0.5
    window: int = 10
    temperature: float = 1.0
    floor: float = 0.1

    def __post_init__(self) -> None:
        one_of("curriculum.kind", self.kind, ("none", "starts", "goals"))
        for key in ("stages", "window"):
            if getattr(self, key) < 1:
                raise ConfigError(
                    f"`curriculum.{key}` must be at least 1, got {getattr(self, key)}."
                )
        for key in ("share", "threshold", "floor"):
            if not 0.0 < getattr(self, key) <= 1.0:
                raise ConfigError(
                    f"`curriculum.{key}` must lie in (0, 1], got {getattr(self, key)}."
                )
        if self.temperature <= 0.0:
            raise ConfigError(
                f"`curriculum.temperature` must be above 0, got {self.temperature}; 1 weighs "
                "goals by their failure rate."
            )
