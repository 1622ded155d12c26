"""One waypoint as a language model writes it."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["ANY", "FINGERS", "Step"]

FINGERS = tuple(state.value for state in GripperState)
ANY = GripperState.ANY.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A waypoint that names its place.

    Args:
        mover: What is to arrive.
        to: A role's word or a tile.
        height: Metres above that.
        fingers: open, closed or any.
    """

    mover: Role
    to: str
    height: float
    fingers: str

    @property
    def anchor(self) -> Role | None:
        """The role that it goes to, ``None`` for a tile."""
        return Role(self.to) if self.to in {role.value for role in Role} else None

    def waypoint(self, view: str, size: tuple[int, int], tiles: Tiles) -> Waypoint:
        """Return the waypoint; a tile is its middle in the view that has the grid.

        Args:
            view: That view.
            size: (height, width) of its frame, pixels.
            tiles: The grid.
        """
        pixels = {view: tiles.centre(self.to, size)} if self.anchor is None else {}
        return Waypoint(
            mover=self.mover,
            anchor=self.anchor,
            pixels=pixels,
            height=self.height,
            gripper=GripperState(self.fingers),
        )
