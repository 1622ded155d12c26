"""What a keypoint is for."""

from __future__ import annotations

import enum

__all__ = ["ROLES", "Role"]


class Role(str, enum.Enum):
    """The part that a point of the scene plays in a task.

    Source:
        Grasp, function and target point: MOKA (Liu et al. 2024), on which KAGI (2024) builds.
    """

    GRIPPER = "gripper"
    """The point between the finger tips."""
    GRASP = "grasp"
    """Where the hand takes hold, or touches what it pushes; absent where it does neither."""
    FUNCTION = "function"
    """The point of the moved thing whose place decides; absent where the hand itself is meant."""
    TARGET = "target"
    """Where the function point, or without one the gripper, is to arrive."""


ROLES: tuple[Role, ...] = tuple(Role)
"""The order of roles along every axis named R, which has length 4."""
