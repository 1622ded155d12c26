"""PickPlace: put the named cube on the named platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.cube_placing import CUBE_PLAN, CubePlacing
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.placement import sample_apart
from kibble.envs.tabletop.scene import CUBE_HALF, fixture_box, free_box
from kibble.envs.tabletop.task import Command, Entry, TabletopTask, entries, offsets
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["PickPlace"]

_PLATFORM_HALF = (0.055, 0.055, 0.02)  # m
_TOP = np.array([0.0, 0.0, 2 * _PLATFORM_HALF[2]])  # (3,) m, top of a platform
_REST = _TOP + np.array([0.0, 0.0, CUBE_HALF])  # (3,) m, cube on a platform
_CUBES = ("cube_0", "cube_1")
_PLATFORMS = ("platform_0", "platform_1")

_PLACING = CubePlacing(
    tolerance=0.035,
    height_tolerance=0.010,
    clearance=0.05,
    column=(0.03, 0.1),
    carried=0.03,
    let_go=(0.025, 0.008),
    precision=0.012,
)


@final
class PickPlace(TabletopTask):
    """Two cubes and two raised platforms, four colours; the instruction names one of each.

    Success: the cube rests on the platform, within 3.5 cm of its middle, let go of.

    Entries of the observation after proprioception:

    | Index | Name                            | Unit                                           |
    |-------|---------------------------------|------------------------------------------------|
    | 8-10  | object_x, _y, _z                | m, the named cube relative to the hand         |
    | 11-13 | target_x, _y, _z                | m, its place on the platform relative to it    |
    | 14-16 | object_velocity_x, _y, _z       | m/s, of the named cube                         |
    | 17    | touching                        | share of the fingers that touch the named cube |
    | 18-20 | other_object_x, _y, _z          | m, the other cube relative to the hand         |
    | 21-23 | other_target_x, _y, _z          | m, place on the other platform, rel. to hand   |
    """

    name: ClassVar[str] = "pick_place"
    grasps: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = (*_CUBES, *_PLATFORMS)
    goals: ClassVar[tuple[Goal, ...]] = tuple(
        Goal(index=2 * c + p, subject=cube, target=platform)
        for c, cube in enumerate(_CUBES)
        for p, platform in enumerate(_PLATFORMS)
    )
    observations: ClassVar[tuple[Entry, ...]] = (
        *offsets("object"),
        *offsets("target"),
        *entries("object_velocity", 1.0),
        Entry(name="touching", low=0.0, high=1.0),
        *offsets("other_object", relative=False),
        *offsets("other_target", relative=False),
    )
    plan: ClassVar[tuple[Waypoint, ...]] = CUBE_PLAN

    def things(self) -> str:
        """Return the MJCF of cubes and platforms."""
        cubes = "".join(free_box(cube, half=(CUBE_HALF,) * 3, mass=0.1) for cube in _CUBES)
        platforms = "".join(
            fixture_box(platform, half=_PLATFORM_HALF, lift=_PLATFORM_HALF[2])
            for platform in _PLATFORMS
        )
        return cubes + platforms

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the one geom of the cube or platform."""
        return (slot,)

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place cubes and platforms at least 14 cm apart, and the open hand above."""
        points = sample_apart(rng, low=(0.35, -0.18), high=(0.57, 0.18), count=4, gap=0.14)
        for cube, point in zip(_CUBES, points[:2], strict=True):
            world.place_free(cube, np.append(point, CUBE_HALF), yaw=rng.uniform(-0.25, 0.25))
        for platform, point in zip(_PLATFORMS, points[2:], strict=True):
            world.place_fixture(platform, np.append(point, 0.0))
        world.place_hand(rng.uniform((0.36, -0.15, 0.13), (0.56, 0.15, 0.20)), closed=False)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name cube and platform."""
        cube, platform = colours[goal.subject], colours[goal.target]
        return (
            f"put the {cube} cube on the {platform} platform",
            f"place the {cube} cube on top of the {platform} platform",
            f"pick up the {cube} block and set it on the {platform} platform",
            f"lift the {cube} cube onto the {platform} stand",
            f"the {cube} block goes on the {platform} platform",
            f"move the {cube} cube to the top of the {platform} stand",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return cube and place, then the others."""
        hand = world.pinch
        cube = world.position(goal.subject)
        other_cube = _CUBES[1 - _CUBES.index(goal.subject)]
        other_platform = _PLATFORMS[1 - _PLATFORMS.index(goal.target)]
        return np.concatenate(
            [
                cube - hand,
                world.position(goal.target) + _REST - cube,
                world.velocity(goal.subject),
                (0.5 * world.finger_contacts(goal.subject),),
                world.position(other_cube) - hand,
                world.position(other_platform) + _REST - hand,
            ]
        )

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Judge the cube in its place; see :meth:`CubePlacing.oracle`."""
        return _PLACING.oracle(world, goal.subject, world.position(goal.target) + _REST)

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return hand, cube and platform; see :meth:`CubePlacing.affordances`."""
        return _PLACING.affordances(world, goal.subject, world.position(goal.target) + _TOP)

    def expert(self, world: World, goal: Goal) -> Command:
        """Put the cube in its place; see :meth:`CubePlacing.expert`."""
        return _PLACING.expert(world, goal.subject, world.position(goal.target) + _REST)
