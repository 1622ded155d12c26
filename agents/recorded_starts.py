"""States within demonstrations that episodes can begin at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np

from kibble.agents.demonstrations.replaying import replay
from kibble.agents.resumable import Stateful
from kibble.rewards.errors import ConfigError

__all__ = ["RecordedStart", "begin_at", "recorded_stages"]

Env = gym.Env[object, object]
Info = dict[str, object]


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
    inner = env.unwrapped
    if not isinstance(inner, Stateful):
        env.close()
        raise ConfigError(
            f"`curriculum.kind=starts` needs an environment with get_state and set_state, got "
            f"{inner}; choose curriculum.kind=none."
        )
    for moment in replay(env, folder):
        places = np.maximum(np.arange(1, stages + 1) * moment.length // (stages + 1), 1)
        for stage in np.flatnonzero(places == moment.step):
            start = RecordedStart(
                state=inner.get_state(), observation=moment.observation, info=moment.info
            )
            found[stage].append(start)
    return found
