"""How progress becomes a reward: a schema free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kibble.agents.near_names import one_of
from kibble.agents.transform_config import check_transforms, transforms_help
from kibble.rewards.errors import ConfigError
from kibble.rewards.smoothing import SMOOTHERS

__all__ = ["ShapingConfig"]


@dataclass(frozen=True, kw_only=True)
class ShapingConfig:
    """How progress becomes a reward.

    Args:
        mode: potential, difference, absolute, held_absolute or none.
        gamma: null takes the agent's gamma; any other value than the agent's is an error.
        scale: Factor on the potential, scale * (progress + shift).
        shift: Added to progress before scaling; -1 makes the finished task the zero of potential.
        query_every: The reward model is asked every so many steps and held between.
        max_failure_share: Share of unanswered frames above which the run stops.
        smoothing: none, ema, median or hysteresis: of progress within an episode, before it is
            scaled; the optimal policies stay as they are.
        smoothing_lag: Readings by which ema or median follow a steady rise late; whole for median.
        smoothing_band: Distance from the newest reading within which hysteresis stays put.
        transforms: Reward transforms, first to last; see kibble.agents.transform_config.
    """

    mode: str = "potential"
    gamma: float | None = None
    scale: float = 1.0
    shift: float = -1.0
    query_every: int = 1
    max_failure_share: float = 0.1
    smoothing: str = "none"
    smoothing_lag: float = 1.0
    smoothing_band: float = 0.05
    transforms: list[dict[str, Any]] = field(
        default_factory=list, metadata={"help": transforms_help()}
    )

    def __post_init__(self) -> None:
        check_transforms(self.transforms)
        one_of(
            "shaping.mode",
            self.mode,
            ("potential", "difference", "absolute", "held_absolute", "none"),
        )
        if self.query_every < 1:
            raise ConfigError(
                f"`shaping.query_every` must be at least 1 step, got {self.query_every}."
            )
        one_of("shaping.smoothing", self.smoothing, SMOOTHERS)
        for key in ("smoothing_lag", "smoothing_band"):
            if not getattr(self, key) >= 0.0:
                raise ConfigError(
                    f"`shaping.{key}` must be 0 or more, got {getattr(self, key)}; "
                    "0 smooths nothing."
                )
        if self.smoothing == "median" and self.smoothing_lag != int(self.smoothing_lag):
            raise ConfigError(
                "`shaping.smoothing_lag` must be whole for a median, got "
                f"{self.smoothing_lag}; write for example shaping.smoothing_lag=2."
            )
