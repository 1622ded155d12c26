"""PegInsert: put the peg into the block of the named colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances, move_gripper, move_thing
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.grasping import bring, fetch, read_grasp
from kibble.envs.tabletop.placement import sample_apart
from kibble.envs.tabletop.progress import closeness, detour
from kibble.envs.tabletop.task import Command, Entry, TabletopTask, entries, offsets
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["PegInsert"]

_PEG_HALF = (0.014, 0.014, 0.045)  # m
_HOLE_HALF = 0.018  # m: 4 mm to spare on each side
_BLOCK_HALF = 0.048  # m
_BLOCK_HEIGHT = 0.05  # m
_GRASP_UP = 0.022  # m above the peg's centre to grasp it
_INSERTED = 2 * _PEG_HALF[2] - _BLOCK_HEIGHT  # m, top of the inserted peg above the block's
_DEPTH_LEFT = 0.015  # m that the peg's lower end may stay above the table
_SIDEWAYS = 0.012  # m
_OVER_PEG = 0.05  # m, pinch point above the grasp to pass over the peg
_OVER_BLOCK = 0.062  # m, peg above its place to pass over the block
_BLOCKS = ("block_0", "block_1")


@final
class PegInsert(TabletopTask):
    """A standing square peg and two blocks with a hole; the instruction names a block's colour.

    The hole leaves 4 mm on each side. Success: the peg's lower end is inside the hole, less than
    1.5 cm above the table.

    Entries of the observation after proprioception:

    | Index | Name                            | Unit                                           |
    |-------|---------------------------------|------------------------------------------------|
    | 8-10  | object_x, _y, _z                | m, the peg's grasp point relative to the hand  |
    | 11-13 | target_x, _y, _z                | m, bottom of the hole relative to the peg's    |
    |       |                                 | lower end                                      |
    | 14-16 | object_velocity_x, _y, _z       | m/s, of the peg                                |
    | 17    | touching                        | share of the fingers that touch the peg        |
    | 18-20 | axis_x, _y, _z                  | the peg's long axis, unit vector               |
    | 21-23 | other_target_x, _y, _z          | m, bottom of the other hole relative to hand   |
    """

    name: ClassVar[str] = "peg_insert"
    grasps: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = _BLOCKS
    goals: ClassVar[tuple[Goal, ...]] = tuple(
        Goal(index=index, subject="peg", target=block) for index, block in enumerate(_BLOCKS)
    )
    observations: ClassVar[tuple[Entry, ...]] = (
        *offsets("object"),
        *offsets("target"),
        *entries("object_velocity", 1.0),
        Entry(name="touching", low=0.0, high=1.0),
        *entries("axis", 1.0),
        *offsets("other_target", relative=False),
    )
    plan: ClassVar[tuple[Waypoint, ...]] = (
        move_gripper(Role.GRASP, 0.03, GripperState.OPEN),
        move_gripper(Role.GRASP, _GRASP_UP - _PEG_HALF[2], GripperState.OPEN),
        move_thing(_INSERTED + _OVER_BLOCK, GripperState.CLOSED),
        move_thing(_INSERTED),
    )

    def things(self) -> str:
        """Return the MJCF of the peg and the blocks, each of four walls."""
        size = " ".join(str(value) for value in _PEG_HALF)
        peg = f"""
        <body name="peg">
          <freejoint name="peg"/>
          <geom name="peg" type="box" size="{size}" mass="0.08" condim="4"
                friction="0.8 0.01 0.001" solref="0.008 1" rgba="0.95 0.95 0.95 1"/>
        </body>"""
        thick = (_BLOCK_HALF - _HOLE_HALF) / 2
        out = _HOLE_HALF + thick
        half = _BLOCK_HEIGHT / 2
        walls = {
            "front": (out, 0.0, thick, _BLOCK_HALF),
            "back": (-out, 0.0, thick, _BLOCK_HALF),
            "left": (0.0, out, _HOLE_HALF, thick),
            "right": (0.0, -out, _HOLE_HALF, thick),
        }
        blocks = "".join(
            f'<body name="{block}" mocap="true">'
            + "".join(
                f'<geom name="{block}_{wall}" type="box" size="{a} {b} {half}" '
                f'pos="{x} {y} {half}" friction="0.3 0.01 0.001" solref="0.008 1"/>'
                for wall, (x, y, a, b) in walls.items()
            )
            + "</body>"
            for block in _BLOCKS
        )
        return peg + blocks

    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the walls of a block."""
        return tuple(f"{slot}_{wall}" for wall in ("front", "back", "left", "right"))

    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place peg and blocks at least 15 cm apart, and the open hand above."""
        points = sample_apart(rng, low=(0.36, -0.16), high=(0.56, 0.16), count=3, gap=0.15)
        for block, point in zip(_BLOCKS, points[:2], strict=True):
            world.place_fixture(block, np.append(point, 0.0))
        world.place_free("peg", np.append(points[2], _PEG_HALF[2]), yaw=rng.uniform(-0.15, 0.15))
        world.place_hand(rng.uniform((0.36, -0.15, 0.16), (0.56, 0.15, 0.22)), closed=False)

    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that name the block."""
        colour = colours[goal.target]
        return (
            f"insert the peg into the {colour} block",
            f"put the peg in the hole of the {colour} block",
            f"push the white peg into the {colour} block",
            f"fit the peg into the {colour} hole",
            f"the peg goes into the {colour} block",
            f"plug the white peg into the {colour} hole",
        )

    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return the peg, the hole, then the other hole."""
        hand = world.pinch
        axis = world.rotation("peg")[:, 2]
        return np.concatenate(
            [
                _grasp_point(world) - hand,
                world.position(goal.target) - _lower_end(world),
                world.velocity("peg"),
                (0.5 * world.finger_contacts("peg"),),
                axis,
                world.position(_BLOCKS[1 - goal.index]) - hand,
            ]
        )

    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Stages: 0 getting to the peg, 1 grasping, 2 carrying and inserting, 3 inserted.

        progress = 0.25 A + 0.15 H + 0.6 C U: approach of the hand, hold, closeness of the peg's
        lower end to the bottom of the hole along a way over the block, uprightness of the peg.
        """
        offset = _lower_end(world) - world.position(goal.target)
        sideways = float(np.linalg.norm(offset[:2]))
        upright = max(float(world.rotation("peg")[2, 2]), 0.0)
        if sideways <= _SIDEWAYS and offset[2] <= _DEPTH_LEFT and upright > 0.9:
            return OracleReading(progress=1.0, stage=3, success=True)
        grasp = read_grasp(
            world, "peg", _grasp_point(world), width=2 * _PEG_HALF[1], clearance=_OVER_PEG
        )
        way = detour(sideways, float(offset[2]), clearance=_OVER_BLOCK, inner=0.004, outer=0.09)
        carried = closeness(way, tolerance=_DEPTH_LEFT, length=0.12)
        progress = 0.25 * grasp.approach + 0.15 * grasp.hold + 0.6 * carried * upright
        stage = 2 if grasp.hold > 0.5 else int(grasp.approach > 0.8)
        return OracleReading(progress=min(progress, 0.98), stage=stage, success=False)

    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return hand, middle of the peg's top (to grasp and to move), and the hole's."""
        top = world.position("peg") + _PEG_HALF[2] * world.rotation("peg")[:, 2]
        return Affordances.of(
            {
                Role.GRIPPER: world.pinch,
                Role.GRASP: top,
                Role.FUNCTION: top,
                Role.TARGET: world.position(goal.target) + np.array([0.0, 0.0, _BLOCK_HEIGHT]),
            },
            self.plan,
        )

    def expert(self, world: World, goal: Goal) -> Command:
        """Fetch the peg from above, carry it over the hole, push it down."""
        grasp = _grasp_point(world)
        move = fetch(world, grasp, clearance=_OVER_PEG, firm=world.finger_contacts("peg") == 2)
        if move is None:
            move = bring(
                world,
                _lower_end(world),
                world.position(goal.target),
                clearance=_OVER_BLOCK,
                precision=0.003,
            )
        return Command(pinch=world.pinch) if move is None else move


def _lower_end(world: World) -> NDArray[np.float64]:
    """Return the (3,) m middle of the peg's lower end."""
    return world.position("peg") - _PEG_HALF[2] * world.rotation("peg")[:, 2]


def _grasp_point(world: World) -> NDArray[np.float64]:
    """Return the (3,) m point on the peg's axis to grasp it at."""
    return world.position("peg") + _GRASP_UP * world.rotation("peg")[:, 2]
