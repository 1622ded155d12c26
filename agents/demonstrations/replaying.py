"""Demonstrations played again in the simulator: a dataset holds observations, not states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np

from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recording_log import read_log
from kibble.rewards.errors import ConfigError

__all__ = ["Moment", "replay"]

_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """A state of a demonstration, in which the environment is at present.

    Args:
        episode: Which demonstration, from 0.
        step: Steps since its start.
        length: Its steps.
        observation: What the environment shows.
        info: What it says.
    """

    episode: int
    step: int
    length: int
    observation: object
    info: dict[str, object]


def replay(env: gym.Env[object, object], folder: Path) -> Iterator[Moment]:
    """Play demonstrations again from the seeds that ``kibble demos`` wrote down.

    Args:
        env: The environment, which is closed at the end.
        folder: The demonstrations.

    Yields:
        Every state, the starts included.

    Raises:
        CheckpointError: If the folder holds no demonstrations of ``kibble demos``.
        ConfigError: If the environment acts differently now.
    """
    try:
        log = read_log(folder)
        for number, episode in enumerate(Demonstrations(folder, views=())):
            observation, info = env.reset(seed=log.episodes[number].seed)
            yield Moment(
                episode=number, step=0, length=len(episode), observation=observation, info=info
            )
            for step, action in enumerate(episode.actions, start=1):
                observation, _, _, _, info = env.step(action)
                shown = np.asarray(observation, np.float64)
                yield Moment(
                    episode=number,
                    step=step,
                    length=len(episode),
                    observation=observation,
                    info=info,
                )
                error = np.abs(shown - episode.observations[step]).max()
                if error > _TOLERANCE:
                    raise ConfigError(
                        f"`demonstrations` must play again as they were recorded, got "
                        f"observations {error:.3g} apart at step {step} of episode {number}; "
                        "record them anew with `kibble demos`."
                    )
    finally:
        env.close()
