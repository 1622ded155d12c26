"""DrawerOpen: pull the drawer of the named colour open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.progress import closeness
from kibble.envs.tabletop.task import Command, Entry, TabletopTask
from kibble.envs.tabletop.tasks.cabinet import (
    CLEARANCE,
    DRAWER_PLAN,
    DRAWERS,
    GOALS,
    HANDLE_OUT,
    TRAVEL,
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

__all__ = ["DrawerOpen"]

_OPEN = 0.11  # m of opening that counts as open
_WIDE = (_OPEN + TRAVEL) / 2  # m, in the middle of what counts as open
_BEHIND = (HANDLE_OUT + 0.012) / 2  # m, the middle between a drawer's front and its bar


@final
class DrawerOpen(TabletopTask):
    """A cabinet with two drawers side by side; the instruction names one by its colour.

    The drawers open away from the robot. Their handles are bars to hook the closed fingers behind.
    Success: the drawer is open by at least 11 cm. The fingers stay closed.

    Entries of the observation after proprioception:

    | Index | Name                    | Unit                                                |
    |-------|-------------------------|-----------------------------------------------------|
    | 8-10  | hook_x, _y, _z          | m, point behind the named bar relative to the hand  |
    | 11    | opening_of_drawer       | m                                                   |
    | 12    | velocity_of_drawer      | m/s                                                 |
    | 13-14 | direction_x, _y         | unit vector along which drawers open                |
    | 15-17 | other_hook_x, _y, _z    | m, the same point of the other drawer               |
    | 18    | opening_of_other_drawer | m                                                   |
    """

    name: ClassVar[str] = "drawer_open"
    grasps: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = DRAWERS
    goals: ClassVar[tuple[Goal, ...]] = GOALS
    observations: ClassVar[tuple[Entry, ...]] = drawer_entries("hook")
    plan: ClassVar[tuple[Waypoint, ...]] = DRAWER_PLAN

    def things(self) -> str:
        """Return the MJCF of the cabinet."""
        return cabinet_xml()

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the front and the handle of a drawer."""
        return drawer_geoms(slot)

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place the cabinet, shut the drawers almost, and put the hand above in front of it."""
        place_cabinet(world, rng, low=0.0, high=0.015)
        world.place_hand(rng.uniform((0.42, -0.18, 0.13), (0.58, 0.18, 0.24)), closed=True)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name the drawer."""
        colour = colours[goal.subject]
        return (
            f"open the {colour} drawer",
            f"pull the {colour} drawer open",
            f"pull out the drawer with the {colour} handle",
            f"slide the {colour} drawer out",
            f"get the {colour} drawer open",
            f"use the {colour} handle to open its drawer",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return the hook point and state of the named drawer, then of the other."""
        return observe_drawers(world, goal, _BEHIND)

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Stage 0 is getting behind the bar; stage 1 is pulling.

        progress = O + (1 - O) 0.4 A, with O the opening as a share of what counts as open and A
        the closeness of the hand and the point behind the bar, around the bar.
        """
        opening = world.joint(goal.subject)
        opened = min(max(opening / _OPEN, 0.0), 1.0)
        way = way_to_drawer(world, goal.subject, _BEHIND)
        approach = closeness(way, tolerance=0.015, length=0.12)
        return OracleReading(
            progress=opened + (1.0 - opened) * 0.4 * approach,
            stage=int(way < 0.04 or opening >= _OPEN),
            success=opening >= _OPEN,
        )

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return hand, point behind the bar, middle of the bar, and where that is when open."""
        return drawer_affordances(world, goal.subject, ahead=_BEHIND, opening=_WIDE)

    def expert(self, world: World, goal: Goal) -> Command:
        """Get over the gap behind the bar, go down, pull."""
        hand = world.pinch
        hook = point_at_drawer(world, goal.subject, _BEHIND)
        outwards = world.rotation("cabinet")[:, 0]
        if world.joint(goal.subject) > _OPEN + 0.015:
            return Command(pinch=hand)
        offset = hook - hand
        across = offset - (offset @ outwards) * outwards
        if hand[2] < hook[2] + 0.025 and abs(offset @ outwards) < 0.04 and abs(across[1]) < 0.04:
            return Command(pinch=hook + 0.05 * outwards, speed=0.8)
        if np.linalg.norm(offset[:2]) < 0.012:
            return Command(pinch=hook - np.array([0.0, 0.0, 0.01]))
        if hand[2] < hook[2] + CLEARANCE - 0.01:
            return Command(pinch=np.append(hand[:2], hook[2] + CLEARANCE + 0.02))
        return Command(pinch=np.append(hook[:2], hook[2] + CLEARANCE + 0.01))
