"""Where a scene's keypoints are, and on which way a task is done: the simulator's own knowledge.

It labels training data and judges proposals; no reward reads it unless a configuration says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["GRIPPER_DEPTH", "Affordances", "in_sight", "move_gripper", "move_thing"]

GRIPPER_DEPTH = 0.045
"""m that the point between the finger tips may lie behind a finger or inside what they hold."""
_SLACK = 0.010  # m, as much as a surface may slope within a pixel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affordances:
    """The keypoints of one goal; the R roles are in the order of ``ROLES``.

    Args:
        positions: (R, 3) float64 m in the base frame; NaN where the task lacks a role.
        depths: (R,) float64 m, how far under a visible surface a point may lie; 0 for points of a
            surface or in free space.
        plan: The way on which the task is done. Its last waypoint is reached where the task
            succeeds, but for letting go.
    """

    positions: NDArray[np.float64]
    depths: NDArray[np.float64]
    plan: tuple[Waypoint, ...]

    @classmethod
    def of(
        cls,
        places: Mapping[Role, NDArray[np.float64]],
        plan: tuple[Waypoint, ...],
        depths: Mapping[Role, float] | None = None,
    ) -> Affordances:
        """Gather (3,) m places by role; roles left out are those that the task lacks."""
        absent = np.full(3, np.nan)
        buried = {Role.GRIPPER: GRIPPER_DEPTH, **(depths or {})}
        return cls(
            positions=np.stack([places.get(role, absent) for role in ROLES]),
            depths=np.array([buried.get(role, 0.0) for role in ROLES]),
            plan=plan,
        )


def move_gripper(
    anchor: Role, height: float = 0.0, gripper: GripperState = GripperState.ANY
) -> Waypoint:
    """Return a waypoint that the gripper reaches ``height`` m above a keypoint."""
    return Waypoint(mover=Role.GRIPPER, anchor=anchor, height=height, gripper=gripper)


def move_thing(height: float = 0.0, gripper: GripperState = GripperState.ANY) -> Waypoint:
    """Return a waypoint that the function point reaches ``height`` m above the target."""
    return Waypoint(mover=Role.FUNCTION, anchor=Role.TARGET, height=height, gripper=gripper)


def in_sight(
    camera: Camera, depth: NDArray[np.float32], affordances: Affordances
) -> NDArray[np.bool_]:
    """Tell which keypoints nothing hides, the hand included.

    Args:
        camera: The camera.
        depth: (H, W) float32 m along the camera's axis, NaN where nothing was measured.
        affordances: The keypoints.

    Returns:
        (R,) bool: inside the picture, before the camera, and no surface nearer than the point
        by more than its depth and 10 mm. Absent roles are not in sight.
    """
    points = affordances.positions  # (R, 3) m
    along = points @ camera.extrinsics[2, :3] + camera.extrinsics[2, 3]  # (R,) m
    seen = np.zeros(len(points), np.bool_)
    ahead = np.flatnonzero(along > 0.0)  # NaN compares false
    pixels = camera.project(points[ahead])  # (A, 2)
    for role, (u, v) in zip(ahead, pixels, strict=True):
        if 0.0 <= u < camera.width and 0.0 <= v < camera.height:
            surface = float(depth[int(v), int(u)])
            hidden = surface < along[role] - affordances.depths[role] - _SLACK
            seen[role] = not hidden
    return seen
