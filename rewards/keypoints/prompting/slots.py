"""What is to be chosen: a role in a view, and its key in an answer."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kibble.rewards.keypoints.prompting.scene import PromptedScene
from kibble.rewards.keypoints.prompting.tiles import Tiles
from kibble.rewards.keypoints.roles import ROLES, Role

__all__ = ["NONE", "Slot", "slots_of"]

NONE = "none"
"""The answer where a role is absent or hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A role in a view.

    Args:
        view: The view.
        role: The role.
        marks: Label to (u, v), pixels: the marks that may be chosen.
        tiles: The grid, whose tiles may be chosen for free space.
        size: (height, width) of the view's frame, pixels.
    """

    view: str
    role: Role
    marks: Mapping[str, tuple[float, float]]
    tiles: Tiles
    size: tuple[int, int]

    @property
    def key(self) -> str:
        """Its key in an answer, such as "front_target"."""
        return f"{self.view}_{self.role.value}"

    @property
    def choices(self) -> tuple[str, ...]:
        """Answers for constrained decoding: marks, for the gripper two of them, tiles, "none"."""
        pairs = itertools.combinations(self.marks, 2) if self.role is Role.GRIPPER else ()
        between = (f"{one}+{other}" for one, other in pairs)
        return (*self.marks, *between, *self.tiles.names, NONE)

    def known(self, choice: str) -> bool:
        """Whether an answer is a mark, two different ones with a + between, a tile, or none."""
        if choice in self.marks or choice in self.tiles.names or choice == NONE:
            return True
        one, plus, other = choice.partition("+")
        return bool(plus) and one != other and one in self.marks and other in self.marks

    def pixel(self, choice: str) -> tuple[float, float] | None:
        """Return where a known choice is: of two marks the middle; ``None`` for "none"."""
        if choice == NONE:
            return None
        if choice in self.tiles.names:
            return self.tiles.centre(choice, self.size)
        points = [self.marks[label] for label in choice.split("+")]
        return (
            sum(u for u, _ in points) / len(points),
            sum(v for _, v in points) / len(points),
        )


def slots_of(scene: PromptedScene, views: Sequence[str], tiles: Tiles) -> tuple[Slot, ...]:
    """Return every role in every view, view after view."""
    return tuple(
        Slot(
            view=view,
            role=role,
            marks=scene.marks[view],
            tiles=tiles,
            size=(scene.things[view].shape[0], scene.things[view].shape[1]),
        )
        for view in views
        for role in ROLES
    )
