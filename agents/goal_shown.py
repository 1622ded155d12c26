"""Goal frames of the user's own, for reward models that need some and tasks that show none."""

from __future__ import annotations

from typing import Any, final

import gymnasium as gym

from kibble.agents.reward_config import RewardConfig
from kibble.rewards.types import Frames

__all__ = ["GoalShown", "goal_of"]


@final
class GoalShown(gym.Wrapper[Any, Any, Any, Any]):
    """Says ``info["goal_frames"]`` at each reset, where the environment does not say so itself.

    Args:
        env: The environment.
        goal: Frames of the finished scene, N = 1.
    """

    def __init__(self, env: gym.Env[Any, Any], goal: Frames) -> None:
        super().__init__(env)
        self._goal = goal

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset, and show the goal."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {"goal_frames": self._goal} | info


def goal_of(reward: RewardConfig) -> Frames | None:
    """Read the picture of the finished scene that a run's config names, N = 1 per view.

    Raises:
        ConfigError: If it is no picture.
    """
    if reward.goal is None:
        return None
    from kibble.agents.footage.reading import Sampling, read_footage  # opens videos

    footage = read_footage(reward.goal, views=None, sampling=Sampling())
    return {view: frames[-1:] for view, frames in footage.frames.items()}
