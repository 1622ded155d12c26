"""What was really done in a step, where that is not what the agent chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["ACTION", "INTERVENTION", "LATE", "executed_actions", "interventions_of"]

ACTION = "action"
"""Key of the action that was done, in the units of the environment's own space."""

INTERVENTION = "intervention"
"""Key of whether a human chose it."""

LATE = "late"
"""Key of whether the step came too late for its tick."""


def executed_actions(
    infos: Sequence[Mapping[str, object]],
    chosen: NDArray[np.floating],
    space: spaces.Space[NDArray[np.float32]],
) -> NDArray[np.floating]:
    """Return what N environments did, as the agent would have had to choose it.

    An environment that does something else than it is told, because a human took over or a limit
    cut the action, says so by ``info["action"]``.

    Args:
        infos: N, of the step.
        chosen: (N, A), what the agent chose, each entry scaled to [-1, 1].
        space: Of the environment's actions.

    Returns:
        (N, A), scaled likewise.

    Raises:
        ConfigError: If an action has another shape than the space.
    """
    if not any(ACTION in info for info in infos):
        return chosen
    assert isinstance(space, spaces.Box)  # agents with a replay buffer have continuous actions
    executed = np.array(chosen)
    for slot, info in enumerate(infos):
        if ACTION not in info:
            continue
        done = np.asarray(info[ACTION], np.float64)
        if done.shape != space.shape:
            raise ConfigError(
                f'`info["action"]` must have the shape {space.shape} of the agent\'s actions, got '
                f"{done.shape}; leave agent.chunk at 1 where an environment says what it did."
            )
        scaled = 2.0 * (done - space.low) / (space.high - space.low) - 1.0
        executed[slot] = np.clip(scaled, -1.0, 1.0)
    return executed


def interventions_of(infos: Sequence[Mapping[str, object]]) -> NDArray[np.bool_]:
    """Return in which of N environments a human chose the action, (N,)."""
    return np.array([bool(info.get(INTERVENTION, False)) for info in infos], np.bool_)
