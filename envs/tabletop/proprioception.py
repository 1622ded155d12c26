"""What the robot feels of itself, the same in every task."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.arm import WORKSPACE_HIGH, WORKSPACE_LOW
from kibble.envs.tabletop.task import Entry, entries
from kibble.envs.tabletop.world import World

__all__ = ["PROPRIOCEPTION", "proprioception"]

PROPRIOCEPTION: tuple[Entry, ...] = (
    *(
        Entry(
            name=f"hand_{axis}",
            low=float(WORKSPACE_LOW[i]) - 0.02,
            high=float(WORKSPACE_HIGH[i]) + 0.02,
            relative=axis == "z",
        )
        for i, axis in enumerate("xyz")
    ),
    *entries("hand_velocity", 0.6),
    Entry(name="opening", low=0.0, high=0.08),
    Entry(name="grip_load", low=0.0, high=1.0),
)
"""The first entries of every observation."""


def proprioception(world: World) -> NDArray[np.float64]:
    """Return (8,) float64 as ``PROPRIOCEPTION`` lists it."""
    return np.concatenate([world.pinch, world.pinch_velocity, (world.opening, world.grip_load)])
