"""The ways that the embedded network knows, one of which a sentence asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A way in waypoints that hang on keypoints, whatever the scene.

    Args:
        name: Its name, that of the task that it comes from.
        waypoints: The way, in order; each has an anchor.
    """

    name: str
    waypoints: tuple[Waypoint, ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the way needs, in the order of ``ROLES``; gripper and target always."""
        needed = {Role.GRIPPER, Role.TARGET}
        for waypoint in self.waypoints:
            needed |= {waypoint.mover} | ({waypoint.anchor} if waypoint.anchor else set())
        return tuple(role for role in ROLES if role in needed)

    def document(self) -> dict[str, object]:
        """The plan as JSON takes it."""
        return {
            "name": self.name,
            "waypoints": [
                {
                    "mover": waypoint.mover.value,
                    "anchor": waypoint.anchor.value if waypoint.anchor else None,
                    "height": waypoint.height,
                    "gripper": waypoint.gripper.value,
                }
                for waypoint in self.waypoints
            ],
        }

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Plan:
        """Read what :meth:`document` gave.

        Raises:
            KeyError: If an entry is missing.
            ValueError: If a role or state of the gripper is not known, or a waypoint makes no
                sense.
        """
        return cls(
            name=str(document["name"]),
            waypoints=tuple(
                Waypoint(
                    mover=Role(entry["mover"]),
                    anchor=Role(entry["anchor"]),
                    height=float(entry["height"]),
                    gripper=GripperState(entry["gripper"]),
                )
                for entry in document["waypoints"]
            ),
        )
