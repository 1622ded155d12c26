"""Push: push the named cube onto the named pad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances, move_gripper, move_thing
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.placement import sample_apart
from kibble.envs.tabletop.progress import closeness, detour
from kibble.envs.tabletop.scene import CUBE_HALF, fixture_box, free_box
from kibble.envs.tabletop.task import Command, Entry, TabletopTask, entries, offsets
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["Push"]

_TOLERANCE = 0.04  # m, cube to the middle of the pad
_BEHIND = 0.046  # m, hand to the cube's centre just before it touches
_CLEARANCE = 0.055  # m that the hand rises to pass over a cube
_PAD_TOP = 0.0015  # m above the table
_CUBES = ("cube_0", "cube_1")
_PADS = ("pad_0", "pad_1")


@final
class Push(TabletopTask):
    """Two cubes and two pads, four colours; the instruction names one of each.

    Success: the cube's centre is within 4 cm of the middle of the pad. The fingers stay closed.

    Entries of the observation after proprioception:

    | Index | Name                           | Unit                                         |
    |-------|--------------------------------|----------------------------------------------|
    | 8-10  | object_x, _y, _z               | m, the named cube relative to the hand       |
    | 11-12 | target_x, _y                   | m, the named pad relative to the named cube  |
    | 13-14 | object_velocity_x, _y          | m/s, of the named cube                       |
    | 15-17 | behind_x, _y, _z               | m, point to push from relative to the hand   |
    | 18-20 | other_object_x, _y, _z         | m, the other cube relative to the hand       |
    | 21-22 | other_target_x, _y             | m, the other pad relative to the hand        |
    """

    name: ClassVar[str] = "push"
    grasps: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = (*_CUBES, *_PADS)
    goals: ClassVar[tuple[Goal, ...]] = tuple(
        Goal(index=2 * c + p, subject=cube, target=pad)
        for c, cube in enumerate(_CUBES)
        for p, pad in enumerate(_PADS)
    )
    observations: ClassVar[tuple[Entry, ...]] = (
        *offsets("object"),
        *offsets("target", "xy"),
        *entries("object_velocity", 1.0, "xy"),
        *offsets("behind"),
        *offsets("other_object", relative=False),
        *offsets("other_target", "xy", relative=False),
    )
    plan: ClassVar[tuple[Waypoint, ...]] = (
        move_gripper(Role.GRASP, _CLEARANCE),
        move_gripper(Role.GRASP),
        move_thing(2 * CUBE_HALF - _PAD_TOP),
    )

    def things(self) -> str:
        """Return the MJCF of cubes and pads."""
        cubes = "".join(
            free_box(cube, half=(CUBE_HALF,) * 3, mass=0.1, friction=0.8) for cube in _CUBES
        )
        pads = "".join(
            fixture_box(pad, half=(0.05, 0.05, 0.001), lift=0.0005, collides=False)
            for pad in _PADS
        )
        return cubes + pads

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the one geom of the cube or pad."""
        return (slot,)

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place cubes and pads at least 14 cm apart, and the hand above."""
        points = sample_apart(rng, low=(0.35, -0.17), high=(0.57, 0.17), count=4, gap=0.14)
        for cube, point in zip(_CUBES, points[:2], strict=True):
            world.place_free(cube, np.append(point, CUBE_HALF), yaw=rng.uniform(-0.4, 0.4))
        for pad, point in zip(_PADS, points[2:], strict=True):
            world.place_fixture(pad, np.append(point, 0.0))
        world.place_hand(rng.uniform((0.36, -0.15, 0.10), (0.56, 0.15, 0.18)), closed=True)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name cube and pad."""
        cube, pad = colours[goal.subject], colours[goal.target]
        return (
            f"push the {cube} cube onto the {pad} pad",
            f"slide the {cube} cube to the {pad} pad",
            f"move the {cube} block onto the {pad} square",
            f"get the {cube} cube onto the {pad} pad by pushing it",
            f"shove the {cube} block over to the {pad} pad",
            f"the {cube} cube belongs on the {pad} pad; push it there",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return cube, pad and the point behind the cube, then the others."""
        hand = world.pinch
        cube = world.position(goal.subject)
        pad = world.position(goal.target)
        other_cube = world.position(_other(_CUBES, goal.subject))
        other_pad = world.position(_other(_PADS, goal.target))
        return np.concatenate(
            [
                cube - hand,
                (pad - cube)[:2],
                world.velocity(goal.subject)[:2],
                _behind(cube, pad) - hand,
                other_cube - hand,
                (other_pad - hand)[:2],
            ]
        )

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Stage 0 is getting behind the cube, low; stage 1 is pushing.

        progress = G + (1 - G) 0.4 A, with G the closeness of cube and pad and A that of the hand
        and the point from which the cube is pushed towards the pad.
        """
        cube = world.position(goal.subject)
        pad = world.position(goal.target)
        distance = float(np.linalg.norm((pad - cube)[:2]))
        on_pad = closeness(distance, tolerance=_TOLERANCE, length=0.10)
        offset = world.pinch - _behind(cube, pad)
        way = detour(
            float(np.linalg.norm(offset[:2])), float(offset[2]), clearance=_CLEARANCE, inner=0.02
        )
        approach = closeness(way, tolerance=0.015, length=0.10)
        return OracleReading(
            progress=on_pad + (1.0 - on_pad) * 0.4 * approach,
            stage=int(way < 0.04 or distance <= _TOLERANCE),
            success=distance <= _TOLERANCE,
        )

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return hand, point to push from, middle of the cube's top, middle of the pad."""
        cube = world.position(goal.subject)
        pad = world.position(goal.target)
        return Affordances.of(
            {
                Role.GRIPPER: world.pinch,
                Role.GRASP: _behind(cube, pad),
                Role.FUNCTION: cube + np.array([0.0, 0.0, CUBE_HALF]),
                Role.TARGET: pad + np.array([0.0, 0.0, _PAD_TOP]),
            },
            self.plan,
        )

    def expert(self, world: World, goal: Goal) -> Command:
        """Rise, get over the point behind the cube, go down, push along the line to the pad."""
        cube = world.position(goal.subject)
        hand = world.pinch
        to_pad = (world.position(goal.target) - cube)[:2]
        distance = float(np.linalg.norm(to_pad))
        if distance < 0.012:  # done: stay
            return Command(pinch=hand)
        ahead = to_pad / distance
        to_cube = (cube - hand)[:2]
        along = float(to_cube @ ahead)
        across = to_cube - along * ahead  # (2,) m
        aside = float(np.linalg.norm(across))
        low = hand[2] < CUBE_HALF + 0.02
        if low and 0.02 < along < 0.085 and aside < 0.018:
            step = ahead * min(distance, 0.03) + 1.5 * across
            return Command(pinch=np.append(hand[:2] + step, CUBE_HALF))
        start = np.append(cube[:2] - 0.058 * ahead, CUBE_HALF)
        if np.linalg.norm(start[:2] - hand[:2]) < 0.01:
            return Command(pinch=start)
        over = CUBE_HALF + _CLEARANCE
        if hand[2] < over - 0.01:
            return Command(pinch=np.append(hand[:2], over + 0.02))
        return Command(pinch=np.append(start[:2], over + 0.01))


def _other(pair: tuple[str, str], name: str) -> str:
    return pair[1] if name == pair[0] else pair[0]


def _behind(cube: NDArray[np.float64], pad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (3,) m point from which a push moves the cube straight to the pad."""
    to_pad = (pad - cube)[:2]
    ahead = to_pad / max(float(np.linalg.norm(to_pad)), 1e-6)
    return np.append(cube[:2] - _BEHIND * ahead, CUBE_HALF)
