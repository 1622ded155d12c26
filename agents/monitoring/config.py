"""Whether a run watches its own reward, and what it does about what it finds."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["ACTIONS", "MonitorConfig"]

ACTIONS = ("off", "warn", "hold", "down_weight", "stop")


@dataclass(frozen=True, kw_only=True)
class MonitorConfig:
    """How a run watches whether its learned reward is farmed. Findings go to monitor.jsonl.

    Args:
        action: off; warn; hold (the potential of the episodes in question keeps its value);
            down_weight (it is weighted by `weight`; shaping stays exact); or stop (on an alarm,
            between two rollouts, with a checkpoint).
        weight: Weight of the potential for action=down_weight, in [0, 1].
        falls: Falls of progress after rises, 0.15 or more each, among 40 readings of an episode.
        still: Readings in a row that do not react to motion.
        disagreement: Mean distance of forward and backward progress, where the model has both.
        spread: Standard deviation of the newest 400 readings below which a reward has collapsed.
        false_success: Share of true failures judged a success; its 95 % interval must lie above.
        unearned: Pay of failed episodes beyond any potential, as a share of what success pays.
        episodes: Newest episodes that are looked at together.
        repeated: Episodes among them with one finding that make it an alarm.
    """

    action: str = "warn"
    weight: float = 0.1
    falls: int = 3
    still: int = 25
    disagreement: float = 0.25
    spread: float = 0.01
    false_success: float = 0.2
    unearned: float = 0.25
    episodes: int = 30
    repeated: int = 10

    def __post_init__(self) -> None:
        one_of("monitor.action", self.action, ACTIONS)
        if not 0.0 <= self.weight <= 1.0:
            raise ConfigError(f"`monitor.weight` must lie in [0, 1], got {self.weight}.")
        for key in ("disagreement", "spread", "false_success", "unearned"):
            if not getattr(self, key) > 0.0:
                raise ConfigError(
                    f"`monitor.{key}` must be more than 0, got {getattr(self, key)}; "
                    "write monitor.action=off to find nothing."
                )
        for key in ("falls", "still", "episodes", "repeated"):
            if getattr(self, key) < 1:
                raise ConfigError(f"`monitor.{key}` must be at least 1, got {getattr(self, key)}.")
        if self.still > 40:
            raise ConfigError(
                f"`monitor.still` must be at most 40 readings, got {self.still}: no more of an "
                "episode are kept."
            )
        if self.repeated > self.episodes:
            raise ConfigError(
                f"`monitor.repeated` must be at most `monitor.episodes`, {self.episodes}, got "
                f"{self.repeated}."
            )
