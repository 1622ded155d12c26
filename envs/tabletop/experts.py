"""Scripted experts: policies that read the simulator's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.env import TabletopEnv
from kibble.envs.tabletop.goals import Goal
from kibble.envs.tabletop.task import Command
from kibble.envs.tabletop.world import ACTION_SCALE, World
from kibble.rewards.errors import ConfigError

__all__ = ["make_expert", "obey"]


def make_expert(
    env: gymnasium.Env[Any, Any], goal: Goal | None = None, rng: np.random.Generator | None = None
) -> Callable[[], NDArray[np.float32]]:
    """Return a scripted policy for a tabletop environment.

    It decides from the present state alone, so it can take over at any time, such as in the middle
    of another policy's episode.

    Args:
        env: A tabletop environment, wrapped or not.
        goal: What to do; the instructed goal, whatever it is at the time, by default.
        rng: Source of noise that makes the demonstrations differ (a tenth of the action's range),
            or ``None`` for none.

    Returns:
        A function that returns the (4,) float32 action for the present state.

    Raises:
        ConfigError: If the environment is not of the tabletop suite.
    """
    table = env.unwrapped
    if not isinstance(table, TabletopEnv):
        raise ConfigError(
            f"`env` must be of the tabletop suite, got {type(table).__name__}; "
            "experts exist for the kibble/* tasks only."
        )

    return lambda: obey(table.world, table.expert_command(goal), rng)


def obey(
    world: World, command: Command, rng: np.random.Generator | None = None
) -> NDArray[np.float32]:
    """Return the (4,) float32 action that carries out a command; ``rng`` as in make_expert."""
    step = (command.pinch - world.hand_target) / ACTION_SCALE  # (3,)
    largest = float(np.abs(step).max())
    if largest > command.speed:
        step = step * (command.speed / largest)
    if rng is not None:
        step = step + rng.normal(0.0, 0.1, size=3)
    action: NDArray[np.float32] = np.append(step, command.closing).astype(np.float32)  # (4,)
    return action.clip(-1.0, 1.0)
