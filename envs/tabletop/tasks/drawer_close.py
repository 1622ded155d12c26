"""DrawerClose: push the drawer of the named colour shut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.arm import FINGER_HALF_WIDTH
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.progress import closeness
from kibble.envs.tabletop.task import Command, Entry, TabletopTask
from kibble.envs.tabletop.tasks.cabinet import (
    BAR_RADIUS,
    CLEARANCE,
    DRAWER_PLAN,
    DRAWERS,
    GOALS,
    HANDLE_OUT,
    cabinet_xml,
    drawer_affordances,
    drawer_entries,
    drawer_geoms,
    observe_drawers,
    place_cabinet,
    point_at_drawer,
    way_to_drawer,
)
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["DrawerClose"]

_SHUT = 0.012  # m of opening that counts as shut
_OPEN = (0.08, 0.13)  # m of opening at the start
_OUTSIDE = HANDLE_OUT + BAR_RADIUS + FINGER_HALF_WIDTH + 0.008  # m, just clear of the bar


@final
class DrawerClose(TabletopTask):
    """The cabinet of DrawerOpen with both drawers open; the instruction names the one to shut.

    Success: the drawer is open by 1.2 cm at most. The fingers stay closed. Progress models are not
    pretrained on this task: it is there to measure what they make of one that they never saw. The
    keypoint network is.

    Entries of the observation after proprioception:

    | Index | Name                    | Unit                                                |
    |-------|-------------------------|-----------------------------------------------------|
    | 8-10  | push_x, _y, _z          | m, point outside the named bar relative to the hand |
    | 11    | opening_of_drawer       | m                                                   |
    | 12    | velocity_of_drawer      | m/s                                                 |
    | 13-14 | direction_x, _y         | unit vector along which drawers open                |
    | 15-17 | other_push_x, _y, _z    | m, the same point of the other drawer               |
    | 18    | opening_of_other_drawer | m                                                   |
    """

    name: ClassVar[str] = "drawer_close"
    grasps: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = DRAWERS
    goals: ClassVar[tuple[Goal, ...]] = GOALS
    observations: ClassVar[tuple[Entry, ...]] = drawer_entries("push")
    plan: ClassVar[tuple[Waypoint, ...]] = DRAWER_PLAN

    def things(self) -> str:
        """Return the MJCF of the cabinet."""
        return cabinet_xml()

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the front and the handle of a drawer."""
        return drawer_geoms(slot)

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place the cabinet, open both drawers, and put the hand above in front of it."""
        place_cabinet(world, rng, low=_OPEN[0], high=_OPEN[1])
        world.place_hand(rng.uniform((0.42, -0.18, 0.15), (0.58, 0.18, 0.25)), closed=True)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name the drawer."""
        colour = colours[goal.subject]
        return (
            f"close the {colour} drawer",
            f"push the {colour} drawer shut",
            f"shut the drawer with the {colour} handle",
            f"slide the {colour} drawer back in",
            f"get the {colour} drawer closed",
            f"press on the {colour} handle to close its drawer",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return the pushing point and state of the named drawer, then of the other."""
        return observe_drawers(world, goal, _OUTSIDE)

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Stage 0 is getting outside the bar; stage 1 is pushing.

        progress = C + (1 - C) 0.4 A, with C the closed share, 0 where the drawer is open by 13 cm
        or more and 1 where it counts as shut, and A the closeness of the hand and the point
        outside the bar.
        """
        opening = world.joint(goal.subject)
        closed = min(max((_OPEN[1] - opening) / (_OPEN[1] - _SHUT), 0.0), 1.0)
        shut = opening <= _SHUT
        way = way_to_drawer(world, goal.subject, _OUTSIDE)
        approach = closeness(way, tolerance=0.015, length=0.12)
        return OracleReading(
            progress=1.0 if shut else closed + (1.0 - closed) * 0.4 * approach,
            stage=int(way < 0.04 or shut),
            success=shut,
        )

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return hand, point outside the bar, middle of the bar, and where that is when shut."""
        return drawer_affordances(world, goal.subject, ahead=_OUTSIDE, opening=0.0)

    def expert(self, world: World, goal: Goal) -> Command:
        """Get over the point outside the bar, go down, push."""
        hand = world.pinch
        if world.joint(goal.subject) < _SHUT - 0.006:
            return Command(pinch=hand)
        start = point_at_drawer(world, goal.subject, _OUTSIDE)
        offset = world.rotation("cabinet").T @ (hand - start)  # (3,) m, outwards, along, up
        if offset[2] < 0.03 and -0.012 < offset[0] < 0.04 and abs(offset[1]) < 0.04:
            inwards = start - 0.06 * world.rotation("cabinet")[:, 0]
            return Command(pinch=inwards, speed=0.8)
        if -0.006 < offset[0] < 0.03 and abs(offset[1]) < 0.03:
            return Command(pinch=np.append(hand[:2], start[2]))
        if offset[2] < CLEARANCE - 0.01:
            return Command(pinch=np.append(hand[:2], start[2] + CLEARANCE + 0.02))
        above = start + 0.008 * world.rotation("cabinet")[:, 0]
        return Command(pinch=np.append(above[:2], start[2] + CLEARANCE + 0.01))
