"""Keypoints and a way, as somebody or something proposes them for a scene."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["APART", "Keypoint", "Proposal", "require_apart"]

APART = 1.0
"""Pixels between two places; nearer ones are one spot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypoint:
    """A point of the scene as several views show it.

    Args:
        pixels: View to (u, v), pixels; at least one view.
        confidence: In [0, 1]; 0 says that it is not there to be seen.
    """

    pixels: Mapping[str, tuple[float, float]]
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to take hold of, what to bring where, and on which way.

    Args:
        keypoints: Role to keypoint; ``gripper`` and ``target`` at least. Roles that the task does
            not have are left out.
        waypoints: The way, in order; at least one.
        sizes: View to (height, width) in pixels of the pictures that it was made on.
        source: Who proposed it, for logs: ``"keypoint_tiny"``, a model's name, a file.
        confidence: In [0, 1]; 0 holds the potential for the episode.

    Raises:
        ProposalError: If a point lies outside its picture, a needed role or a view's size is
            missing, or a confidence is out of range.
    """

    keypoints: Mapping[Role, Keypoint]
    waypoints: tuple[Waypoint, ...]
    sizes: Mapping[str, tuple[int, int]]
    source: str
    confidence: float = 1.0

    def __post_init__(self) -> None:
        needed = {Role.GRIPPER, Role.TARGET}
        for waypoint in self.waypoints:
            needed |= {waypoint.mover} | ({waypoint.anchor} if waypoint.anchor else set())
        missing = [role.value for role in Role if role in needed - set(self.keypoints)]
        if missing or not self.waypoints:
            raise ProposalError(
                f"A proposal by {self.source!r} must have at least one waypoint and the keypoints "
                f"that they name, got {len(self.waypoints)} waypoints without {missing}; mark the "
                "missing ones."
            )
        self._check_confidences()
        for role, keypoint in self.keypoints.items():
            for view, pixel in keypoint.pixels.items():
                self._check_pixel(role.value, view, pixel)
        for number, waypoint in enumerate(self.waypoints):
            for view, pixel in waypoint.pixels.items():
                self._check_pixel(f"waypoint {number}", view, pixel)

    def _check_confidences(self) -> None:
        named = {role.value: keypoint.confidence for role, keypoint in self.keypoints.items()}
        for name, value in {"the whole": self.confidence, **named}.items():
            if not 0.0 <= value <= 1.0:
                raise ProposalError(
                    f"`confidence` of {name} must lie in [0, 1], got {value} from {self.source!r}."
                )

    def _check_pixel(self, name: str, view: str, pixel: tuple[float, float]) -> None:
        if view not in self.sizes:
            raise ProposalError(
                f"Keypoint {name!r} is marked in view {view!r}, whose size is not given; known: "
                f"{sorted(self.sizes)}."
            )
        height, width = self.sizes[view]
        u, v = pixel
        if not (math.isfinite(u) and math.isfinite(v) and 0 <= u <= width and 0 <= v <= height):
            raise ProposalError(
                f"Keypoint {name!r} must lie inside view {view!r} of {width} x {height} pixels, "
                f"got ({u:.4g}, {v:.4g}) from {self.source!r}; mark it on the picture."
            )


def require_apart(proposal: Proposal) -> None:
    """Refuse a proposal by hand or by a language model that marks two roles on one spot.

    The gripper may hide any point, and a handle is pulled where it is held.

    Raises:
        ProposalError: If two other points coincide in every view that shows both.
    """
    for (one, a), (other, b) in itertools.combinations(proposal.keypoints.items(), 2):
        views = set(a.pixels) & set(b.pixels)
        may = Role.GRIPPER in (one, other) or {one, other} == {Role.GRASP, Role.FUNCTION}
        if may or not views:
            continue
        if all(math.dist(a.pixels[view], b.pixels[view]) < APART for view in views):
            u, v = a.pixels[min(views)]
            raise ProposalError(
                f"Keypoints {one.value!r} and {other.value!r} must lie apart, got both at "
                f"({u:.4g}, {v:.4g}) of view {min(views)!r} from {proposal.source!r}; mark two "
                "different points."
            )
