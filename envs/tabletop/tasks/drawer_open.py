"""DrawerOpen: pull the drawer of the named colour open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.progress import closeness, detour
from kibble.envs.tabletop.task import Command, Entry, TabletopTask, entries
from kibble.envs.tabletop.world import World

__all__ = ["DrawerOpen"]

_OPEN = 0.11  # m of opening that counts as open
_TRAVEL = 0.15  # m
_HANDLE_OUT = 0.060  # m from the drawer's front to the bar of the handle
_HANDLE_HEIGHT = 0.06  # m above the table
_CLEARANCE = 0.055  # m that the hand rises over the hook point to pass over the bar
_DRAWERS = ("drawer_0", "drawer_1")


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
    slots: ClassVar[tuple[str, ...]] = _DRAWERS
    goals: ClassVar[tuple[Goal, ...]] = tuple(
        Goal(index=index, subject=drawer) for index, drawer in enumerate(_DRAWERS)
    )
    observations: ClassVar[tuple[Entry, ...]] = (
        *entries("hook", 0.5),
        Entry(name="opening_of_drawer", low=0.0, high=0.16),
        Entry(name="velocity_of_drawer", low=-0.6, high=0.6),
        Entry(name="direction_x", low=-1.0, high=1.0),
        Entry(name="direction_y", low=-1.0, high=1.0, mirror=-1),
        *entries("other_hook", 0.5),
        Entry(name="opening_of_other_drawer", low=0.0, high=0.16),
    )

    def things(self) -> str:
        """Return the MJCF of the cabinet, whose origin lies on the table under its front."""
        ghost = 'contype="0" conaffinity="0"'
        drawers = "".join(
            f"""
            <body name="{drawer}" pos="0 {side * 0.085} {_HANDLE_HEIGHT}">
              <joint name="{drawer}" type="slide" axis="1 0 0" range="0 {_TRAVEL}" damping="3"
                     frictionloss="0.6" armature="0.1"/>
              <geom name="{drawer}_front" type="box" size="0.006 0.074 0.042" pos="0.006 0 -0.008"
                    mass="0.2"/>
              <geom type="box" size="0.07 0.066 0.032" pos="-0.07 0 -0.012" {ghost} mass="0.1"
                    rgba="0.62 0.52 0.42 1"/>
              <geom name="{drawer}_bar" type="capsule" size="0.008"
                    fromto="{_HANDLE_OUT} -0.045 0 {_HANDLE_OUT} 0.045 0" mass="0.05"/>
              <geom name="{drawer}_left" type="capsule" size="0.006" {ghost} mass="0.01"
                    fromto="0.01 0.045 0 {_HANDLE_OUT} 0.045 0"/>
              <geom name="{drawer}_right" type="capsule" size="0.006" {ghost} mass="0.01"
                    fromto="0.01 -0.045 0 {_HANDLE_OUT} -0.045 0"/>
            </body>"""
            for drawer, side in zip(_DRAWERS, (1, -1), strict=True)
        )
        return f"""
        <body name="cabinet" mocap="true">
          <geom name="cabinet" type="box" size="0.075 0.172 0.054" pos="-0.076 0 0.054"
                contype="2" conaffinity="0" rgba="0.45 0.34 0.25 1"/>
          {drawers}
        </body>"""

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the front and the handle of a drawer."""
        return tuple(f"{slot}_{part}" for part in ("front", "bar", "left", "right"))

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place the cabinet, shut the drawers almost, and put the hand above in front of it."""
        place = rng.uniform((0.285, -0.05), (0.315, 0.05))
        world.place_fixture("cabinet", np.append(place, 0.0), yaw=rng.uniform(-0.12, 0.12))
        for drawer in _DRAWERS:
            world.place_joint(drawer, rng.uniform(0.0, 0.015))
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
        hand = world.pinch
        other = _DRAWERS[1 - goal.index]
        return np.concatenate(
            [
                _hook(world, goal.subject) - hand,
                (
                    world.joint(goal.subject),
                    world.joint_velocity(goal.subject),
                    *world.rotation("cabinet")[:2, 0],
                ),
                _hook(world, other) - hand,
                (world.joint(other),),
            ]
        )

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Stage 0 is getting behind the bar; stage 1 is pulling.

        progress = O + (1 - O) 0.4 A, with O the opening as a share of what counts as open and A
        the closeness of the hand and the point behind the bar, around the bar.
        """
        opening = world.joint(goal.subject)
        opened = min(max(opening / _OPEN, 0.0), 1.0)
        way = _way(world, goal)
        approach = closeness(way, tolerance=0.015, length=0.12)
        return OracleReading(
            progress=opened + (1.0 - opened) * 0.4 * approach,
            stage=int(way < 0.04 or opening >= _OPEN),
            success=opening >= _OPEN,
        )

    def expert(self, world: World, goal: Goal) -> Command:
        """Get over the gap behind the bar, go down, pull."""
        hand = world.pinch
        hook = _hook(world, goal.subject)
        outwards = world.rotation("cabinet")[:, 0]
        if world.joint(goal.subject) > _OPEN + 0.015:
            return Command(pinch=hand)
        offset = hook - hand
        across = offset - (offset @ outwards) * outwards
        if hand[2] < hook[2] + 0.025 and abs(offset @ outwards) < 0.04 and abs(across[1]) < 0.04:
            return Command(pinch=hook + 0.05 * outwards, speed=0.8)
        if np.linalg.norm(offset[:2]) < 0.012:
            return Command(pinch=hook - np.array([0.0, 0.0, 0.01]))
        if hand[2] < hook[2] + _CLEARANCE - 0.01:
            return Command(pinch=np.append(hand[:2], hook[2] + _CLEARANCE + 0.02))
        return Command(pinch=np.append(hook[:2], hook[2] + _CLEARANCE + 0.01))


def _hook(world: World, drawer: str) -> NDArray[np.float64]:
    """Return the (3,) m point in the middle between a drawer's front and its bar."""
    middle = (_HANDLE_OUT + 0.012) / 2
    hook: NDArray[np.float64] = world.position(drawer) + world.rotation(drawer) @ np.array(
        [middle, 0.0, -0.008]
    )
    return hook


def _way(world: World, goal: Goal) -> float:
    """Return the length of the way from the hand to the hook point, m."""
    offset = world.rotation("cabinet").T @ (world.pinch - _hook(world, goal.subject))
    slack = max(abs(float(offset[1])) - 0.02, 0.0)  # anywhere along the bar will do
    horizontal = float(np.hypot(offset[0], slack))
    return detour(horizontal, float(offset[2]), clearance=_CLEARANCE)
