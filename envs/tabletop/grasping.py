"""What picking tasks have in common: how well a thing is held, and how to fetch and bring it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.progress import closeness, detour
from kibble.envs.tabletop.task import Command
from kibble.envs.tabletop.world import World

__all__ = ["Grasp", "bring", "fetch", "read_grasp"]

_OPEN = 0.08  # m between the pads of the open gripper


@dataclass(frozen=True, slots=True, kw_only=True)
class Grasp:
    """How far the hand has come in taking hold of something.

    Args:
        approach: Closeness of the hand and the place to grasp at, in (0, 1].
        hold: How firmly it is held, in [0, 1]; 1 when both fingers touch it.
    """

    approach: float
    hold: float


def read_grasp(
    world: World, name: str, point: NDArray[np.float64], *, width: float, clearance: float
) -> Grasp:
    """Judge the hand's hold of a thing.

    Args:
        world: The scene.
        name: The thing's body.
        point: (3,) m, where the pinch point should be to grasp it.
        width: Width of the thing between the fingers, m.
        clearance: Height above the point at which the open fingers pass over the thing, m.

    Returns:
        The grasp; ``hold`` rises as the fingers close around the point, to one half, and is 1
        when both touch.
    """
    offset = world.pinch - point
    way = detour(
        float(np.linalg.norm(offset[:2])), float(offset[2]), clearance=clearance, inner=0.01
    )
    approach = closeness(way, tolerance=0.01, length=0.10)
    around = closeness(float(np.linalg.norm(offset)), tolerance=0.012, length=0.012)
    if world.finger_contacts(name) == 2:
        return Grasp(approach=approach, hold=max(around, 0.5))
    closing = min(max((_OPEN - world.opening) / (_OPEN - width), 0.0), 1.0)
    return Grasp(approach=approach, hold=0.5 * around * closing)


def fetch(
    world: World, point: NDArray[np.float64], *, clearance: float, firm: bool
) -> Command | None:
    """Return the next move to take hold at a point, or ``None`` once it is held.

    Args:
        world: The scene.
        point: (3,) m, where the pinch point should be.
        clearance: Height above the point at which the open fingers pass over things, m.
        firm: Whether both fingers already touch the thing.
    """
    hand = world.pinch
    offset = point - hand
    sideways = float(np.linalg.norm(offset[:2]))
    if sideways < 0.012 and abs(offset[2]) < 0.012:
        if firm and world.grip_load > 0.3:
            return None
        return Command(pinch=point, closing=1.0)
    if firm and sideways < 0.02 and abs(offset[2]) < 0.02:
        return None
    if sideways < 0.008 or (sideways < 0.015 and offset[2] > -0.03):
        return Command(pinch=point, closing=-1.0)
    if -offset[2] < clearance - 0.01:  # too low to pass over things
        return Command(pinch=np.append(hand[:2], point[2] + clearance + 0.02), closing=-1.0)
    return Command(pinch=np.append(point[:2], point[2] + clearance + 0.01), closing=-1.0)


def bring(
    world: World,
    held: NDArray[np.float64],
    place: NDArray[np.float64],
    *,
    clearance: float,
    precision: float,
) -> Command | None:
    """Return the next move to bring a held thing to a place from above, or ``None`` once there.

    Args:
        world: The scene.
        held: (3,) m, reference point of the held thing.
        place: (3,) m, where that point should come to.
        clearance: Height above the place at which the thing passes over everything, m.
        precision: Sideways distance below which to go down, m.
    """
    offset = place - held
    sideways = float(np.linalg.norm(offset[:2]))
    hand = world.pinch
    if sideways < precision:
        if abs(offset[2]) < 0.006:
            return None
        return Command(pinch=hand + offset, speed=0.5)
    if -offset[2] < clearance - 0.012 and sideways > 2 * precision:
        step = np.array([0.0, 0.0, offset[2] + clearance + 0.01])
        return Command(pinch=hand + step)
    step = np.append(offset[:2], max(offset[2] + clearance, -0.02) if sideways > 0.03 else 0.0)
    return Command(pinch=hand + step, speed=1.0 if sideways > 0.05 else 0.6)
