"""Options of every reward that follows keypoints, whoever proposes them."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.reward import PathSettings
from kibble.rewards.keypoints.space_lifting import METHODS
from kibble.rewards.keypoints.variant import Variant

__all__ = ["KeypointOptions"]


@dataclass(frozen=True, kw_only=True)
class KeypointOptions:
    """How keypoints are followed and paid.

    Args:
        variant: What a distance is: metric (metres in space), pixel or block (pixels, or tiles of
            a grid, of the first view; such need no calibration).
        views: Static views that are looked at, and views of depth such as front_depth, one by
            one: views=front&views=side.
        calibration: For metric: tabletop, or a folder with <view>.yaml for each view.
        lifting: For metric: auto, views (triangulation), depth, or plane.
        surface: Height of the table in the base frame, m.
        tracker: hybrid, redetection or flow; null takes flow for keypoints from a file, else
            hybrid. The first two look with the embedded network, which knows the tabletop suite.
        tolerance: Distance that counts as reached, in metres, pixels or tiles; null takes 0.02 m,
            1/24 of a picture's height, or the same tile.
        grid: Tiles along a side of the picture, for block.
        fall_back: Whether a stage is lost again when the hand leaves what it holds.
        reproposals: How often in an episode keypoints may be proposed anew after they were lost.

    Raises:
        ConfigError: If a value is out of range, or the views do not suit the variant.
    """

    variant: str = "metric"
    views: tuple[str, ...] = ("front", "side")
    calibration: str = "tabletop"
    lifting: str = "auto"
    surface: float = 0.0
    tracker: str | None = None
    tolerance: float | None = None
    grid: int = 8
    fall_back: bool = True
    reproposals: int = 0

    def __post_init__(self) -> None:
        known = [each.value for each in Variant]
        if self.variant not in known:
            raise ConfigError(
                f"`variant` must be one of {', '.join(known)}, got {self.variant!r}."
            )
        if self.lifting not in METHODS:
            raise ConfigError(
                f"`lifting` must be one of {', '.join(METHODS)}, got {self.lifting!r}."
            )
        if not self.pictures or len(set(self.views)) != len(self.views):
            raise ConfigError(
                "`views` must be one or more different views of pictures, got "
                f"{list(self.views)}; write views=front&views=side."
            )
        strange = [
            view for view in self.depths if view.removesuffix(DEPTH_SUFFIX) not in self.views
        ]
        if strange:
            raise ConfigError(
                f"`views` of depth must stand beside the pictures they belong to, got {strange} "
                f"with {list(self.pictures)}; write views=front&views=front_depth."
            )
        enough = len(self.pictures) > 1 or self.depths or self.lifting == "plane"
        if self.variant == Variant.METRIC and not enough:
            raise ConfigError(
                f"`views` for variant=metric must be two pictures, or one and its depth, got "
                f"{list(self.views)}; add views=side or views={self.pictures[0]}_depth, or choose "
                "variant=pixel."
            )
        if self.lifting == "depth" and not self.depths:
            raise ConfigError(
                f"`lifting` by depth must have a view of depth, got {list(self.views)}; add "
                f"views={self.pictures[0]}_depth."
            )
        self.path_settings()

    @property
    def pictures(self) -> tuple[str, ...]:
        """The views that are pictures."""
        return tuple(view for view in self.views if not view.endswith(DEPTH_SUFFIX))

    @property
    def depths(self) -> tuple[str, ...]:
        """The views that carry depth."""
        return tuple(view for view in self.views if view.endswith(DEPTH_SUFFIX))

    @property
    def used(self) -> tuple[str, ...]:
        """The views that the variant needs."""
        return self.views if self.variant == Variant.METRIC else self.pictures[:1]

    def path_settings(self) -> PathSettings:
        """Return how places become a potential."""
        variant = Variant(self.variant)
        return PathSettings(
            variant=variant,
            view=self.pictures[0] if variant.flat else None,
            tolerance=self.tolerance,
            grid=self.grid,
            fall_back=self.fall_back,
            reproposals=self.reproposals,
        )
