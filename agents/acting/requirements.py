"""What a run must be like to act asynchronously."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibble.agents.agent_config import OffPolicyConfig
from kibble.rewards.errors import ConfigError

if TYPE_CHECKING:
    from kibble.agents.config import TrainConfig

__all__ = ["check_acting"]


def check_acting(config: TrainConfig) -> None:
    """Refuse what acting asynchronously cannot serve.

    Raises:
        ConfigError: If the run needs its environment to wait.
    """
    where = "`task.real_time=true`" if config.task.real_time else "`acting.asynchronous=true`"
    if not isinstance(config.agent, OffPolicyConfig):
        raise ConfigError(
            f"{where} needs an agent that learns from what older policies did, got agent="
            f"{config.agent.name}; choose agent=sac, tqc or crossq."
        )
    if config.agent.chunk != 1:
        raise ConfigError(
            f"{where} needs an agent that chooses one action at a time, got agent.chunk="
            f"{config.agent.chunk}; leave it at 1."
        )
    if config.observation == "embedding":
        raise ConfigError(
            f"{where} acts without waiting for the reward model, which observation=embedding "
            "needs at every step; choose observation=state, relative or pixels."
        )
    if config.curriculum.kind != "none":
        raise ConfigError(
            f"{where} leaves where an episode begins to whoever resets the robot, got "
            f"curriculum.kind={config.curriculum.kind}; choose none, or acting.exploration=return "
            "to begin along a demonstration."
        )
