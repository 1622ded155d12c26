"""When a run's frames are read by its reward model, and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["SCORING_KINDS", "ScoringConfig"]

SCORING_KINDS = ("immediate", "deferred", "asynchronous")
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class ScoringConfig:
    """When frames are scored. A transition's reward is the same in every kind.

    Args:
        kind: immediate (each step), deferred (late, in large batches, when rewards are needed),
            asynchronous (by a thread of its own, beside stepping and learning) or auto
            (asynchronous with exact=false where acting is asynchronous, else immediate).
        batch: The most frames that wait; deferred scores when so many do, asynchronous lets the
            environments wait then.
        exact: Whether an agent with a replay buffer learns the same in every kind: a batch that
            touches transitions which wait has them scored first. Otherwise batches are drawn from
            scored transitions alone, so the newest join late: faster with a slow model, and an
            asynchronous run is then not repeatable.
        store_mb: Memory in MB for compressed frames, so that they can be read again when the
            reward model is adapted; 0 keeps none.
    """

    kind: str = "auto"
    batch: int = 256
    exact: bool = True
    store_mb: float = 0.0

    def __post_init__(self) -> None:
        one_of("scoring.kind", self.kind, (*SCORING_KINDS, AUTO))
        if self.batch < 1:
            raise ConfigError(
                f"`scoring.batch` must be at least 1 frame, got {self.batch}; "
                "write for example scoring.batch=256."
            )
        if not self.store_mb >= 0.0:  # also refuses NaN
            raise ConfigError(
                f"`scoring.store_mb` must be 0 or more, got {self.store_mb}; "
                "0 keeps no frames, 200 holds some hours of small pictures."
            )

    def settled(self, *, beside: bool) -> ScoringConfig:
        """Return what ``auto`` stands for.

        Args:
            beside: Whether the environments are acted in beside learning.
        """
        if self.kind != AUTO:
            return self
        if beside:
            return replace(self, kind="asynchronous", exact=False)
        return replace(self, kind="immediate")
