"""Stack: put the named cube on the other named cube."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.cube_placing import CUBE_PLAN, CubePlacing
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.placement import sample_apart
from kibble.envs.tabletop.scene import CUBE_HALF, free_box
from kibble.envs.tabletop.task import Command, Entry, TabletopTask, entries, offsets
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["Stack"]

_TOP = np.array([0.0, 0.0, CUBE_HALF])  # (3,) m, top of the lower cube relative to its middle
_REST = np.array([0.0, 0.0, 2 * CUBE_HALF])  # (3,) m, upper cube relative to the lower one
_CUBES = ("cube_0", "cube_1", "cube_2")

_PLACING = CubePlacing(
    tolerance=0.022,
    height_tolerance=0.008,
    clearance=0.045,
    column=(0.02, 0.09),
    carried=0.02,
    let_go=(0.015, 0.006),
    precision=0.006,
)


@final
class Stack(TabletopTask):
    """Three cubes of three colours; the instruction names one to lift and one to put it on.

    Success: the cube rests on the other, within 2.2 cm of its middle, let go of.

    Entries of the observation after proprioception:

    | Index | Name                            | Unit                                           |
    |-------|---------------------------------|------------------------------------------------|
    | 8-10  | object_x, _y, _z                | m, the cube to lift relative to the hand       |
    | 11-13 | target_x, _y, _z                | m, its place on the other relative to it       |
    | 14-16 | object_velocity_x, _y, _z       | m/s, of the cube to lift                       |
    | 17    | touching                        | share of the fingers that touch it             |
    | 18-20 | other_object_x, _y, _z          | m, the third cube relative to the hand         |
    """

    name: ClassVar[str] = "stack"
    grasps: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = _CUBES
    goals: ClassVar[tuple[Goal, ...]] = tuple(
        Goal(index=index, subject=upper, target=lower)
        for index, (upper, lower) in enumerate(permutations(_CUBES, 2))
    )
    observations: ClassVar[tuple[Entry, ...]] = (
        *offsets("object"),
        *offsets("target"),
        *entries("object_velocity", 1.0),
        Entry(name="touching", low=0.0, high=1.0),
        *offsets("other_object", relative=False),
    )
    plan: ClassVar[tuple[Waypoint, ...]] = CUBE_PLAN

    def things(self) -> str:
        """Return the MJCF of the cubes."""
        return "".join(free_box(cube, half=(CUBE_HALF,) * 3, mass=0.1) for cube in _CUBES)

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the one geom of the cube."""
        return (slot,)

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place the cubes at least 14 cm apart, and the open hand above."""
        points = sample_apart(rng, low=(0.35, -0.17), high=(0.57, 0.17), count=3, gap=0.14)
        for cube, point in zip(_CUBES, points, strict=True):
            world.place_free(cube, np.append(point, CUBE_HALF), yaw=rng.uniform(-0.25, 0.25))
        world.place_hand(rng.uniform((0.36, -0.15, 0.13), (0.56, 0.15, 0.20)), closed=False)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name both cubes."""
        upper, lower = colours[goal.subject], colours[goal.target]
        return (
            f"stack the {upper} cube on the {lower} cube",
            f"put the {upper} cube on top of the {lower} one",
            f"place the {upper} block onto the {lower} block",
            f"build a tower with the {upper} cube on the {lower} cube",
            f"set the {upper} block on the {lower} one",
            f"the {upper} cube goes on top of the {lower} cube",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return the cube, its place, then the third cube."""
        hand = world.pinch
        cube = world.position(goal.subject)
        (third,) = set(_CUBES) - {goal.subject, goal.target}
        return np.concatenate(
            [
                cube - hand,
                world.position(goal.target) + _REST - cube,
                world.velocity(goal.subject),
                (0.5 * world.finger_contacts(goal.subject),),
                world.position(third) - hand,
            ]
        )

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Judge the cube in its place; see :meth:`CubePlacing.oracle`."""
        return _PLACING.oracle(world, goal.subject, world.position(goal.target) + _REST)

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return hand, upper and lower cube; see :meth:`CubePlacing.affordances`."""
        return _PLACING.affordances(world, goal.subject, world.position(goal.target) + _TOP)

    def expert(self, world: World, goal: Goal) -> Command:
        """Put the cube in its place; see :meth:`CubePlacing.expert`."""
        return _PLACING.expert(world, goal.subject, world.position(goal.target) + _REST)
