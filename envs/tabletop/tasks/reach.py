"""Reach: bring the hand to the ball of the named colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances, move_gripper
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.placement import sample_apart
from kibble.envs.tabletop.progress import closeness
from kibble.envs.tabletop.task import Command, Entry, TabletopTask, offsets
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["Reach"]

_TOLERANCE = 0.025  # m
_RADIUS = 0.024  # m
_BALLS = ("ball_0", "ball_1", "ball_2")


@final
class Reach(TabletopTask):
    """Three balls on sticks; the instruction names one by its colour.

    Success: the point between the finger tips is within 2.5 cm of the ball's centre. The balls can
    be passed through, and the fingers stay closed.

    Entries of the observation after proprioception:

    | Index | Name               | Unit                                              |
    |-------|--------------------|---------------------------------------------------|
    | 8-10  | goal_x, _y, _z     | m, the named ball relative to the hand            |
    | 11-13 | other_0_x, _y, _z  | m, the next ball relative to the hand             |
    | 14-16 | other_1_x, _y, _z  | m, the one after it relative to the hand          |
    """

    name: ClassVar[str] = "reach"
    grasps: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = _BALLS
    goals: ClassVar[tuple[Goal, ...]] = tuple(
        Goal(index=index, subject=ball) for index, ball in enumerate(_BALLS)
    )
    observations: ClassVar[tuple[Entry, ...]] = (
        *offsets("goal"),
        *offsets("other_0", relative=False),
        *offsets("other_1", relative=False),
    )
    plan: ClassVar[tuple[Waypoint, ...]] = (move_gripper(Role.TARGET),)

    def things(self) -> str:
        """Return the MJCF of the balls and their sticks."""
        ghost = 'contype="0" conaffinity="0"'
        return "".join(
            f"""
            <body name="{ball}" mocap="true">
              <geom name="{ball}" type="sphere" size="{_RADIUS}" {ghost}/>
              <geom type="capsule" size="0.004" fromto="0 0 0 0 0 -0.3" {ghost}
                    rgba="0.45 0.45 0.47 1"/>
            </body>"""
            for ball in _BALLS
        )

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the ball's sphere."""
        return (slot,)

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place the balls and the hand, all at least 12 cm apart."""
        points = sample_apart(
            rng, low=(0.34, -0.2, 0.04), high=(0.58, 0.2, 0.22), count=4, gap=0.12
        )
        for ball, point in zip(_BALLS, points, strict=False):
            world.place_fixture(ball, point)
        world.place_hand(points[3], closed=True)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name the ball."""
        colour = colours[goal.subject]
        return (
            f"reach the {colour} ball",
            f"touch the {colour} ball",
            f"move the gripper to the {colour} ball",
            f"bring the hand to the {colour} ball",
            f"go to the {colour} ball",
            f"point at the {colour} ball with the fingertips",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return the balls relative to the hand, the named one first."""
        hand = world.pinch
        return np.concatenate(
            [world.position(_BALLS[(goal.index + step) % 3]) - hand for step in range(3)]
        )

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Progress is the closeness of hand and ball; the only stage is 0."""
        distance = float(np.linalg.norm(world.position(goal.subject) - world.pinch))
        return OracleReading(
            progress=closeness(distance, tolerance=_TOLERANCE, length=0.12),
            stage=0,
            success=distance <= _TOLERANCE,
        )

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return the hand and the ball's centre; nothing is taken hold of or moved."""
        return Affordances.of(
            {Role.GRIPPER: world.pinch, Role.TARGET: world.position(goal.subject)},
            self.plan,
            depths={Role.TARGET: _RADIUS},
        )

    def expert(self, world: World, goal: Goal) -> Command:
        """Go straight to the ball."""
        return Command(pinch=world.position(goal.subject))
