"""The way of a proposal, laid into the space in which its points are located."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["Path"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """Waypoints, and where those of them are that belong to no keypoint.

    Args:
        waypoints: The way, in order; at least one.
        places: (W, D) float64: place of each waypoint without an anchor, height included; NaN for
            the others. D is 3 (m, base frame) or 2 (pixels, in which heights do not count).

    Raises:
        ProposalError: If there is no waypoint, or ``places`` does not fit them.
    """

    waypoints: tuple[Waypoint, ...]
    places: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = self.places.shape
        if not self.waypoints or len(shape) != 2 or shape[0] != len(self.waypoints):
            raise ProposalError(
                "`places` must have one row per waypoint, and there must be one at least, got "
                f"shape {shape} for {len(self.waypoints)}."
            )

    def __len__(self) -> int:
        return len(self.waypoints)

    def goals(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where each waypoint is now.

        Args:
            positions: (R, D) of the roles, NaN where unknown.

        Returns:
            (W, D), NaN where unknown.
        """
        goals = self.places.copy()
        for row, waypoint in enumerate(self.waypoints):
            if waypoint.anchor is not None:
                goals[row] = positions[ROLES.index(waypoint.anchor)]
                goals[row, 2:] += waypoint.height  # nothing where D = 2
        return goals

    def gaps(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far each waypoint's mover is from it: mover less goal.

        Args:
            positions: (R, D) of the roles, NaN where unknown.

        Returns:
            (W, D), NaN where unknown.
        """
        movers = [ROLES.index(waypoint.mover) for waypoint in self.waypoints]
        return positions[movers] - self.goals(positions)

    def flat(self) -> Path:
        """Return the way as a picture shows it, where heights do not count.

        Waypoints one above the other would be reached together, so that only the last of them
        stays: above the grasp point and at it are one, as are above the target and on it.
        """
        rows = [
            row
            for row, waypoint in enumerate(self.waypoints)
            if waypoint.anchor is None
            or row + 1 == len(self.waypoints)
            or _ends(waypoint) != _ends(self.waypoints[row + 1])
        ]
        return Path(
            waypoints=tuple(self.waypoints[row] for row in rows), places=self.places[rows, :2]
        )

    def plain(self) -> dict[str, object]:
        """Return the path as plain data; see :meth:`restored`."""
        return {
            "waypoints": [
                {
                    "mover": waypoint.mover.value,
                    "anchor": None if waypoint.anchor is None else waypoint.anchor.value,
                    "pixels": {view: list(at) for view, at in waypoint.pixels.items()},
                    "height": float(waypoint.height),
                    "gripper": waypoint.gripper.value,
                }
                for waypoint in self.waypoints
            ],
            "places": self.places.copy(),
        }

    @classmethod
    def restored(cls, plain: Mapping[str, Any]) -> Path:
        """Return the path that :meth:`plain` described."""
        return cls(
            waypoints=tuple(
                Waypoint(
                    mover=Role(one["mover"]),
                    anchor=None if one["anchor"] is None else Role(one["anchor"]),
                    pixels={view: (at[0], at[1]) for view, at in one["pixels"].items()},
                    height=one["height"],
                    gripper=GripperState(one["gripper"]),
                )
                for one in plain["waypoints"]
            ),
            places=cast("NDArray[np.float64]", plain["places"]),
        )


def _ends(waypoint: Waypoint) -> tuple[Role, Role | None]:
    return waypoint.mover, waypoint.anchor
