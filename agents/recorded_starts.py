"""States within demonstrations that episodes can begin at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np

from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recording_log import read_log
from kibble.agents.resumable import Stateful
from kibble.rewards.errors import ConfigError

__all__ = ["RecordedStart", "begin_at", "recorded_stages"]

Env = gym.Env[object, object]
Info = dict[str, object]
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedStart:
    """A state that a demonstration went through.

    Args:
        state: What the environment's ``get_state`` returned there.
        observation: What it showed.
        info: What it said.
    """

    state: Info
    observation: object
    info: Info


def begin_at(env: Env, start: RecordedStart) -> tuple[object, Info]:
    """Put a freshly reset environment into a recorded state; its random numbers go on."""
    inner = env.unwrapped
    assert isinstance(inner, Stateful)  # recorded_stages saw to it
    numbers = inner.np_random.bit_generator.state
    inner.set_state(start.state)
    inner.np_random.bit_generator.state = numbers
    return start.observation, dict(start.info)


def recorded_stages(env: Env, folder: Path, *, stages: int) -> list[list[RecordedStart]]:
    """Play demonstrations again and keep evenly spaced states of each.

    A dataset holds observations, not states, so each demonstration is played again from the seed
    that ``kibble demos`` wrote down, and compared with what was recorded.

    Args:
        env: The environment of the run, which is closed afterwards.
        folder: The demonstrations.
        stages: S places in each demonstration; stage s, 1 to S, is at s / (S + 1) of its steps.

    Returns:
        S lists of one start per demonstration, early to late.

    Raises:
        CheckpointError: If the folder holds no demonstrations of ``kibble demos``.
        ConfigError: If the environment cannot be put into a state, or acts differently now.
    """
    found: list[list[RecordedStart]] = [[] for _ in range(stages)]
    try:
        inner = env.unwrapped
        if not isinstance(inner, Stateful):
            raise ConfigError(
                f"`curriculum.kind=starts` needs an environment with get_state and set_state, got "
                f"{inner}; choose curriculum.kind=none."
            )
        log = read_log(folder)
        for number, episode in enumerate(Demonstrations(folder, views=())):
            places = np.maximum(np.arange(1, stages + 1) * len(episode) // (stages + 1), 1)
            env.reset(seed=log.episodes[number].seed)
            for step, action in enumerate(episode.actions, start=1):
                observation, _, _, _, info = env.step(action)
                shown = np.asarray(observation, np.float64)
                for stage in np.flatnonzero(places == step):
                    start = RecordedStart(
                        state=inner.get_state(), observation=observation, info=info
                    )
                    found[stage].append(start)
                error = np.abs(shown - episode.observations[step]).max()
                if error > _TOLERANCE:
                    raise ConfigError(
                        f"`demonstrations` must play again as they were recorded, got "
                        f"observations {error:.3g} apart at step {step} of episode {number}; "
                        "record them anew with `kibble demos`."
                    )
    finally:
        env.close()
    return found
