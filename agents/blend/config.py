"""Settings of the learned blend of auxiliary rewards."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["BlendConfig"]


@dataclass(frozen=True, kw_only=True)
class BlendConfig:
    """How much each auxiliary reward term counts, learned by what it does for the primary return.

    Args:
        learn: Whether weights are learned (agent=ppo only); false pays every term in full.
        initial: Weight of every auxiliary term at first.
        most: The largest weight; the smallest is 0.
        rate: Change of a weight after a rollout for an alignment of 1, which is the cosine between
            the policy gradients of primary and auxiliary reward.
        decay: Alignment that a weight of 1 needs to stand; above 0 an auxiliary reward has to
            earn its weight.
    """

    learn: bool = False
    initial: float = 1.0
    most: float = 1.0
    rate: float = 1.0
    decay: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.initial <= self.most:
            raise ConfigError(
                f"`blend.initial` must lie in [0, blend.most], got {self.initial} and "
                f"{self.most}; write for example blend.initial=1 blend.most=1."
            )
        if not 0.0 < self.rate < float("inf"):
            raise ConfigError(f"`blend.rate` must be above 0, got {self.rate}; try 1.")
        if not 0.0 <= self.decay <= 1.0:
            raise ConfigError(f"`blend.decay` must lie in [0, 1], got {self.decay}.")
