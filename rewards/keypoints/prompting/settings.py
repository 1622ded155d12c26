"""How a scene is shown to a language model."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.prompting.tiles import Tiles

__all__ = ["PromptSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSettings:
    """What is drawn over the frames of a scene.

    Args:
        size: Pixels of the longer side of each frame as it is shown, at least 160.
        marks: regions (points on the things of the picture, by OpenCV) or lattice (even points).
        limit: Most marks in each view, 4 to 60.
        tiles: The grid over the first view.
        heights: Metres above a point that a waypoint may have, rising.

    Raises:
        ConfigError: If a value is out of range.
    """

    size: int = 448
    marks: str = "regions"
    limit: int = 20
    tiles: Tiles = field(default_factory=Tiles)
    heights: tuple[float, ...] = (0.0, 0.05, 0.10, 0.15, 0.20)

    def __post_init__(self) -> None:
        if self.size < 160:
            raise ConfigError(f"`size` must be at least 160 pixels, got {self.size}; try 448.")
        if self.marks not in ("regions", "lattice"):
            raise ConfigError(f"`marks` must be regions or lattice, got {self.marks!r}.")
        if not 4 <= self.limit <= 60:
            raise ConfigError(f"`limit` of marks must lie in [4, 60], got {self.limit}; try 20.")
        rising = all(a < b for a, b in itertools.pairwise(self.heights))
        if not self.heights or not rising or not all(map(math.isfinite, self.heights)):
            raise ConfigError(
                f"`heights` must be finite metres that rise, got {self.heights}; try 0 to 0.2."
            )
