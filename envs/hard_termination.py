"""A hard infraction ends the episode for good; finishing merely cuts it short."""

from __future__ import annotations

from typing import Generic, SupportsFloat, TypeVar, final

import gymnasium

from kibble.rewards.penalties import read_infraction

__all__ = ["HardTermination"]

Obs = TypeVar("Obs")
Act = TypeVar("Act")
Info = dict[str, object]


@final
class HardTermination(gymnasium.Wrapper[Obs, Act, Obs, Act], Generic[Obs, Act]):
    """Ends the episode at ``info["infraction"]``, and truncates where the task ended it.

    Where all rewards are gains of progress an agent that terminates loses what is still to come.
    That is the price of an infraction, and it must not be the price of success: so an episode that
    the environment itself terminates without an infraction is reported as truncated, and the
    agent bootstraps from its last observation.

    Args:
        env: An environment that reports hard infractions as ``info["infraction"]``.

    Source:
        Jaeger et al. 2025, "CaRL: Learning Scalable Planning Policies with Simple Rewards".
    """

    def __init__(self, env: gymnasium.Env[Obs, Act]) -> None:
        super().__init__(env)

    def step(self, action: Act) -> tuple[Obs, SupportsFloat, bool, bool, Info]:
        """Step; swap the flags."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        infraction = read_infraction(info)
        return obs, reward, infraction, not infraction and (terminated or truncated), info
