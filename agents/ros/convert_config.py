"""Settings of ``kibble ros convert``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kibble.rewards.errors import ConfigError

__all__ = ["ConvertConfig"]

_IMAGES = ("raw", "png", "jpeg")


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Settings of ``kibble ros convert``.

    Args:
        input: A ROS 2 bag (.mcap, .db3 or its folder), which becomes a LeRobot dataset; or a
            LeRobot dataset, which becomes a bag.
        output: The new dataset's folder; or the new bag, .mcap, .db3 or a folder.
        views: Image topics of a bag under names of views, {front: /camera/front/image_raw}, or
            some of the views of either, [front]; null takes all but depth.
        instruction: What was wanted, in one sentence; null takes what the recording says.
        state: Topics and fields of a bag that make up observation.state, such as
            [/joint_states.position]; null takes the positions of every JointState.
        action: Likewise of action; null takes twists, numbers and arrays on /command/….
        fps: Rows per second of a dataset that is made.
        tolerance: Seconds that images of several cameras of a bag may lie apart.
        image_size: [height, width] in pixels that images get; null keeps theirs.
        video: Whether a dataset's frames are stored as H.264, which is smaller; otherwise as
            lossless PNG.
        images: How images are put into a bag: raw, png or jpeg.
        quiet: Whether to leave out the progress bar.

    Raises:
        ConfigError: If a value is missing or out of range.
    """

    input: str | None = None
    output: str | None = None
    views: Any = None
    instruction: str | None = None
    state: list[str] | None = None
    action: list[str] | None = None
    fps: float = 10.0
    tolerance: float = 0.05
    image_size: list[int] | None = None
    video: bool = False
    images: str = "raw"
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not getattr(self, name):
                raise ConfigError(
                    f"`{name}` must name a bag or a dataset, got nothing; write input=run.mcap "
                    "output=data/run, or input=data/run output=run.mcap."
                )
        if not isinstance(self.views, list | dict | None):
            raise ConfigError(
                f"`views` must be a list of names or a mapping, got {self.views!r}; write "
                "'views={front: /camera/front/image_raw}'."
            )
        if not 0.1 <= self.fps <= 1_000.0:
            raise ConfigError(f"`fps` must lie in [0.1, 1000], got {self.fps}.")
        if not 0.0 <= self.tolerance <= 10.0:
            raise ConfigError(f"`tolerance` must lie in [0, 10] s, got {self.tolerance}.")
        size = self.image_size
        if size is not None and (len(size) != 2 or not all(16 <= side <= 4096 for side in size)):
            raise ConfigError(
                f"`image_size` must be [height, width], 16 to 4096 pixels each, got {size}."
            )
        if self.images not in _IMAGES:
            raise ConfigError(f"`images` must be {', '.join(_IMAGES)}, got {self.images!r}.")
