"""One step of the way that a proposal asks for."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.roles import Role

__all__ = ["GripperState", "Waypoint"]


class GripperState(str, enum.Enum):
    """What the fingers do on the way to a waypoint."""

    OPEN = "open"
    CLOSED = "closed"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """A place that the gripper, or the thing in it, is to reach.

    Before the grasp the gripper moves to the grasp point; afterwards the function point, which
    moves with the hand, goes to the target.

    Args:
        mover: ``Role.GRIPPER`` or ``Role.FUNCTION``: which point is to arrive.
        anchor: The keypoint that it belongs to, wherever that is now; ``None`` for a place of its
            own, given by ``pixels``.
        pixels: View to (u, v), pixels, where there is no anchor; u to the right, v downwards, the
            first pixel covering [0, 1) x [0, 1).
        height: Metres above the anchor, or above the surface that the pixel shows; may be
            negative.
        gripper: What the fingers do on the way there.

    Raises:
        ConfigError: If the mover moves not by itself, the place is given twice or not at all, or
            the height is not finite.
    """

    mover: Role
    anchor: Role | None = None
    pixels: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    height: float = 0.0
    gripper: GripperState = GripperState.ANY

    def __post_init__(self) -> None:
        if self.mover not in (Role.GRIPPER, Role.FUNCTION):
            raise ConfigError(
                f"`mover` of a waypoint must be gripper or function, got {self.mover.value!r}; "
                "grasp and target are places, which the others move to."
            )
        if (self.anchor is None) == (not self.pixels):
            raise ConfigError(
                "A waypoint must have either an `anchor` or `pixels`, got "
                f"{'neither' if self.anchor is None else 'both'}; name a keypoint or a place."
            )
        if self.anchor is self.mover:
            raise ConfigError(
                f"`anchor` of a waypoint must differ from its `mover`, got {self.mover.value!r} "
                "for both; nothing moves towards itself."
            )
        if not math.isfinite(self.height):
            raise ConfigError(f"`height` of a waypoint must be finite (m), got {self.height}.")
