"""Lifting a cube and putting it down on something: the oracle and expert of such tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances, move_gripper, move_thing
from kibble.envs.tabletop.goals import OracleReading
from kibble.envs.tabletop.grasping import bring, fetch, read_grasp
from kibble.envs.tabletop.progress import closeness, detour
from kibble.envs.tabletop.scene import CUBE_HALF
from kibble.envs.tabletop.task import Command
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["CUBE_PLAN", "CubePlacing"]

CUBE_PLAN: tuple[Waypoint, ...] = (
    move_gripper(Role.GRASP, 0.05, GripperState.OPEN),
    move_gripper(Role.GRASP, -CUBE_HALF, GripperState.OPEN),
    move_thing(2 * CUBE_HALF + 0.05, GripperState.CLOSED),
    move_thing(2 * CUBE_HALF),
)
"""Over the cube, around it, over its place, onto it."""

_OVER_CUBE = 0.065  # m, pinch point above a cube's centre to pass over it


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CubePlacing:
    """How exactly, and over what, a cube is put in its place. All in m.

    Args:
        tolerance: Sideways distance from its place that counts as placed.
        height_tolerance: Likewise in height.
        clearance: Height above its place at which the carried cube passes over edges.
        column: Inner and outer radius of the way down to the place; see :func:`detour`.
        carried: Length of that way which counts as there.
        let_go: Sideways and vertical distance at which the expert opens the fingers.
        precision: Sideways distance below which the expert goes down.
    """

    tolerance: float
    height_tolerance: float
    clearance: float
    column: tuple[float, float]
    carried: float
    let_go: tuple[float, float]
    precision: float

    def oracle(self, world: World, cube: str, rest: NDArray[np.float64]) -> OracleReading:
        """Stages: 0 getting to the cube, 1 grasping, 2 carrying, 3 letting go.

        progress = 0.25 A + 0.15 H + 0.5 C + 0.1 L: approach of the hand, hold, closeness of the
        cube to its place along a way over edges, letting go. On its place A and H count as done.

        Args:
            world: The scene.
            cube: The cube's body.
            rest: (3,) m, where its centre belongs.
        """
        centre = world.position(cube)
        offset = centre - rest
        sideways = float(np.linalg.norm(offset[:2]))
        if sideways <= self.tolerance and abs(float(offset[2])) <= self.height_tolerance:
            touches = world.finger_contacts(cube)
            return OracleReading(
                progress=1.0 if touches == 0 else 0.9 + 0.05 * (touches == 1),
                stage=3,
                success=touches == 0,
            )
        grasp = read_grasp(world, cube, centre, width=2 * CUBE_HALF, clearance=_OVER_CUBE)
        inner, outer = self.column
        way = detour(
            sideways, float(offset[2]), clearance=self.clearance, inner=inner, outer=outer
        )
        carried = closeness(way, tolerance=self.carried, length=0.12)
        stage = 2 if grasp.hold > 0.5 else int(grasp.approach > 0.8)
        return OracleReading(
            progress=0.25 * grasp.approach + 0.15 * grasp.hold + 0.5 * carried,
            stage=stage,
            success=False,
        )

    def affordances(self, world: World, cube: str, support: NDArray[np.float64]) -> Affordances:
        """Return hand, middle of the cube's top (to grasp and to move), and its place.

        Args:
            world: The scene.
            cube: The cube's body.
            support: (3,) m, middle of the surface that it is to rest on.
        """
        top = world.position(cube) + np.array([0.0, 0.0, CUBE_HALF])
        return Affordances.of(
            {
                Role.GRIPPER: world.pinch,
                Role.GRASP: top,
                Role.FUNCTION: top,
                Role.TARGET: support,
            },
            CUBE_PLAN,
        )

    def expert(self, world: World, cube: str, rest: NDArray[np.float64]) -> Command:
        """Fetch the cube from above, carry it over the edge, put it down, let go, rise.

        Args:
            world: The scene.
            cube: The cube's body.
            rest: (3,) m, where its centre belongs.
        """
        centre = world.position(cube)
        offset = centre - rest
        touches = world.finger_contacts(cube)
        if np.linalg.norm(offset[:2]) < self.let_go[0] and abs(offset[2]) < self.let_go[1]:
            rise = 0.0 if touches else 0.1
            return Command(pinch=world.pinch + np.array([0.0, 0.0, rise]), closing=-1.0)
        move = fetch(world, centre, clearance=_OVER_CUBE, firm=touches == 2)
        if move is None:
            move = bring(world, centre, rest, clearance=self.clearance, precision=self.precision)
        return Command(pinch=world.pinch, closing=-1.0) if move is None else move
