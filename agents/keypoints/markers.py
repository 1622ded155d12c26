"""How keypoints look, wherever they are drawn: strokes and a colour for each role."""

from __future__ import annotations

import math

from kibble.rewards.keypoints.roles import Role

__all__ = ["COLOURS", "MEANINGS", "STROKES", "Pixel"]

Pixel = tuple[float, float]
"""(u, v): to the right and downwards."""

COLOURS: dict[Role, tuple[int, int, int]] = {
    Role.GRIPPER: (86, 204, 255),
    Role.GRASP: (255, 130, 210),
    Role.FUNCTION: (255, 221, 51),
    Role.TARGET: (255, 122, 51),
}
"""RGB of each role; shapes differ as well, for eyes that do not tell the colours apart."""

MEANINGS: dict[Role, str] = {
    Role.GRIPPER: "between the finger tips",
    Role.GRASP: "where the hand takes hold or touches",
    Role.FUNCTION: "the point of the thing whose place decides",
    Role.TARGET: "where that point is to arrive",
}
"""What each role is, in a few words."""


def _cross() -> tuple[tuple[Pixel, ...], ...]:
    corners = [(x, y) for x in (-1.0, 1.0) for y in (-1.0, 1.0)]
    return tuple(((0.3 * x, 0.3 * y), (x, y)) for x, y in corners)


STROKES: dict[Role, tuple[tuple[Pixel, ...], ...]] = {
    Role.GRIPPER: (
        tuple((math.cos(math.tau * k / 24), math.sin(math.tau * k / 24)) for k in range(25)),
    ),
    Role.GRASP: (((0.0, -1.15), (1.05, 0.75), (-1.05, 0.75), (0.0, -1.15)),),
    Role.FUNCTION: (((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9), (-0.9, -0.9)),),
    Role.TARGET: _cross(),
}
"""Lines of each marker about its point, which stays free; 1 is the marker's radius."""
