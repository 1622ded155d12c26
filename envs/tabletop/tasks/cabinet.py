"""A cabinet with two drawers side by side, that opens away from the robot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances, move_gripper, move_thing
from kibble.envs.tabletop.goals import Goal
from kibble.envs.tabletop.progress import detour
from kibble.envs.tabletop.task import Entry, offsets
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = [
    "BAR_RADIUS",
    "CLEARANCE",
    "DRAWERS",
    "DRAWER_PLAN",
    "GOALS",
    "HANDLE_OUT",
    "TRAVEL",
    "cabinet_xml",
    "drawer_affordances",
    "drawer_entries",
    "drawer_geoms",
    "observe_drawers",
    "place_cabinet",
    "point_at_drawer",
    "way_to_drawer",
]

DRAWERS = ("drawer_0", "drawer_1")
GOALS = tuple(Goal(index=index, subject=drawer) for index, drawer in enumerate(DRAWERS))
HANDLE_OUT = 0.060  # m from the drawer's front to the bar of the handle
BAR_RADIUS = 0.008  # m
TRAVEL = 0.15  # m that a drawer slides
CLEARANCE = 0.055  # m that the hand rises over a point at the handle to pass over the bar

DRAWER_PLAN: tuple[Waypoint, ...] = (
    move_gripper(Role.GRASP, CLEARANCE),
    move_gripper(Role.GRASP),
    move_thing(),
)
"""Over the point at the handle, down to it, and with the bar to where it belongs."""

_HANDLE_HEIGHT = 0.06  # m above the table


def cabinet_xml() -> str:
    """Return the MJCF of the cabinet, whose origin lies on the table under its front."""
    ghost = 'contype="0" conaffinity="0"'
    drawers = "".join(
        f"""
        <body name="{drawer}" pos="0 {side * 0.085} {_HANDLE_HEIGHT}">
          <joint name="{drawer}" type="slide" axis="1 0 0" range="0 {TRAVEL}" damping="3"
                 frictionloss="0.6" armature="0.1"/>
          <geom name="{drawer}_front" type="box" size="0.006 0.074 0.042" pos="0.006 0 -0.008"
                mass="0.2"/>
          <geom type="box" size="0.07 0.066 0.032" pos="-0.07 0 -0.012" {ghost} mass="0.1"
                rgba="0.62 0.52 0.42 1"/>
          <geom name="{drawer}_bar" type="capsule" size="{BAR_RADIUS}"
                fromto="{HANDLE_OUT} -0.045 0 {HANDLE_OUT} 0.045 0" mass="0.05"/>
          <geom name="{drawer}_left" type="capsule" size="0.006" {ghost} mass="0.01"
                fromto="0.01 0.045 0 {HANDLE_OUT} 0.045 0"/>
          <geom name="{drawer}_right" type="capsule" size="0.006" {ghost} mass="0.01"
                fromto="0.01 -0.045 0 {HANDLE_OUT} -0.045 0"/>
        </body>"""
        for drawer, side in zip(DRAWERS, (1, -1), strict=True)
    )
    return f"""
    <body name="cabinet" mocap="true">
      <geom name="cabinet" type="box" size="0.075 0.172 0.054" pos="-0.076 0 0.054"
            contype="2" conaffinity="0" rgba="0.45 0.34 0.25 1"/>
      {drawers}
    </body>"""


def drawer_geoms(drawer: str) -> tuple[str, ...]:
    """Return the front and the handle of a drawer."""
    return tuple(f"{drawer}_{part}" for part in ("front", "bar", "left", "right"))


def drawer_entries(point: str) -> tuple[Entry, ...]:
    """Return what :func:`observe_drawers` says, the point at the handle being called ``point``."""
    return (
        *offsets(point),
        Entry(name="opening_of_drawer", low=0.0, high=0.16),
        Entry(name="velocity_of_drawer", low=-0.6, high=0.6),
        Entry(name="direction_x", low=-1.0, high=1.0),
        Entry(name="direction_y", low=-1.0, high=1.0),
        *offsets(f"other_{point}", relative=False),
        Entry(name="opening_of_other_drawer", low=0.0, high=0.16, relative=False),
    )


def observe_drawers(world: World, goal: Goal, ahead: float) -> NDArray[np.float64]:
    """Return the (11,) point at the handle and state of the named drawer, then of the other."""
    hand = world.pinch
    other = DRAWERS[1 - goal.index]
    return np.concatenate(
        [
            point_at_drawer(world, goal.subject, ahead) - hand,
            (
                world.joint(goal.subject),
                world.joint_velocity(goal.subject),
                *world.rotation("cabinet")[:2, 0],
            ),
            point_at_drawer(world, other, ahead) - hand,
            (world.joint(other),),
        ]
    )


def place_cabinet(world: World, rng: np.random.Generator, *, low: float, high: float) -> None:
    """Place the cabinet with each drawer open by ``low`` to ``high`` m."""
    place = rng.uniform((0.285, -0.05), (0.315, 0.05))
    world.place_fixture("cabinet", np.append(place, 0.0), yaw=rng.uniform(-0.12, 0.12))
    for drawer in DRAWERS:
        world.place_joint(drawer, rng.uniform(low, high))


def point_at_drawer(world: World, drawer: str, ahead: float) -> NDArray[np.float64]:
    """Return the (3,) m point in the middle of the handle, ``ahead`` m from the drawer's front."""
    point: NDArray[np.float64] = world.position(drawer) + world.rotation(drawer) @ np.array(
        [ahead, 0.0, -0.008]
    )
    return point


def way_to_drawer(world: World, drawer: str, ahead: float) -> float:
    """Return the length of the way from the hand to the point, m, over the bar."""
    offset = world.rotation("cabinet").T @ (world.pinch - point_at_drawer(world, drawer, ahead))
    slack = max(abs(float(offset[1])) - 0.02, 0.0)  # anywhere along the bar will do
    horizontal = float(np.hypot(offset[0], slack))
    return detour(horizontal, float(offset[2]), clearance=CLEARANCE)


def drawer_affordances(world: World, drawer: str, *, ahead: float, opening: float) -> Affordances:
    """Return hand, point at the handle, middle of the bar, and where that is to be.

    Args:
        world: The scene.
        drawer: The drawer's body.
        ahead: How far from the drawer's front the hand takes hold, m.
        opening: How far the drawer is to be open, m.
    """
    along = world.rotation(drawer)[:, 0]
    bar = world.position(drawer) + HANDLE_OUT * along
    return Affordances.of(
        {
            Role.GRIPPER: world.pinch,
            Role.GRASP: point_at_drawer(world, drawer, ahead),
            Role.FUNCTION: bar,
            Role.TARGET: bar + (opening - world.joint(drawer)) * along,
        },
        DRAWER_PLAN,
        depths={Role.FUNCTION: BAR_RADIUS, Role.TARGET: BAR_RADIUS},
    )
