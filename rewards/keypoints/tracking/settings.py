"""How sceptical a tracker is, and how patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["TrackingSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingSettings:
    """What every tracker shares.

    Args:
        believe: Confidence from which a detection counts, in (0, 1].
        jump: How far a point may move from one frame to the next, as a share of the picture's
            width. What lies farther must be found there `confirm` times in a row.
        confirm: Detections in a row that agree, before a lost or jumping point is taken up again.
        patience: Frames in a row without a sign of a point before it is lost.
        fade: Factor on the confidence for every frame without a sign, in (0, 1).
        every: Frames from one detection to the next where optical flow bridges them.
        depth_tolerance: How much nearer the surface at a point may come before something is
            before the point, m.

    Raises:
        ConfigError: If a value is out of range.
    """

    believe: float = 0.5
    jump: float = 0.12
    confirm: int = 3
    patience: int = 8
    fade: float = 0.9
    every: int = 1
    depth_tolerance: float = 0.015

    def __post_init__(self) -> None:
        for name, value, rule, good in (
            ("believe", self.believe, "lie in (0, 1]", 0 < self.believe <= 1),
            ("jump", self.jump, "lie in (0, 1]", 0 < self.jump <= 1),
            ("confirm", self.confirm, "be at least 1", self.confirm >= 1),
            ("patience", self.patience, "be at least 0", self.patience >= 0),
            ("fade", self.fade, "lie in (0, 1)", 0 < self.fade < 1),
            ("every", self.every, "be at least 1", self.every >= 1),
            (
                "depth_tolerance",
                self.depth_tolerance,
                "be positive and finite (m)",
                0 < self.depth_tolerance < math.inf,
            ),
        ):
            if not good:
                raise ConfigError(f"`{name}` of a tracker must {rule}, got {value}.")
