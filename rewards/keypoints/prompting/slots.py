"""What is to be chosen: a role in a view, and its key in an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kibble.rewards.keypoints.prompting.scene import PromptedScene
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
    """

    view: str
    role: Role
    marks: Mapping[str, tuple[float, float]]

    @property
    def key(self) -> str:
        """Its key in an answer, such as "front_target"."""
        return f"{self.view}_{self.role.value}"

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that its key may have."""
        return (*self.marks, NONE)

    def pixel(self, choice: str) -> tuple[float, float] | None:
        """Return where a choice is, ``None`` for "none"."""
        return None if choice == NONE else self.marks[choice]


def slots_of(scene: PromptedScene, views: Sequence[str]) -> tuple[Slot, ...]:
    """Return every role in every view, view after view."""
    return tuple(
        Slot(view=view, role=role, marks=scene.marks[view]) for view in views for role in ROLES
    )
