"""A trained agent that brings a robot back: the policy of a reset step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from kibble.agents.players import TrainedPlayer
from kibble.agents.relative_observation import flat_observation
from kibble.agents.run_directory import RunDirectory
from kibble.rewards.errors import ConfigError

__all__ = ["load_reset_policy"]


def load_reset_policy(
    file: str, env: gym.Env[object, object]
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Make a policy of a run's newest checkpoint.

    Args:
        file: The run's directory.
        env: The environment that it is to act in; its observations and actions must be those of
            the run's.

    Returns:
        What maps an observation of the environment to an action.

    Raises:
        CheckpointError: If there is no such run, or no whole checkpoint of it.
        ConfigError: If the agent observes anything but numbers, acts in chunks, or is of another
            environment.
    """
    directory = RunDirectory(path=Path(file))
    config = directory.load_config()
    if config.observation not in ("state", "relative") or config.agent.chunk != 1:
        raise ConfigError(
            f"The run '{file}' of a reset policy must have observation=state or relative and "
            f"agent.chunk=1, got {config.observation} and {config.agent.chunk}; train another."
        )
    seen = flat_observation(env, config.observation)
    player = TrainedPlayer(config, directory, None, device=torch.device("cpu"))
    example = seen.observation(env.observation_space.sample())
    try:
        action = player.act([example])[0]
    except ValueError as error:
        raise ConfigError(
            f"The run '{file}' of a reset policy must observe what the robot does: {error}"
        ) from error
    if action.shape != env.action_space.shape:
        raise ConfigError(
            f"The run '{file}' of a reset policy must have actions of shape "
            f"{env.action_space.shape}, got {action.shape}."
        )

    def act(observation: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(player.act([seen.observation(observation)])[0], np.float32)

    return act
