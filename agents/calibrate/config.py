"""Settings of ``kibble calibrate``."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.errors import ConfigError

__all__ = ["CalibrateConfig"]


@dataclass(frozen=True, kw_only=True)
class CalibrateConfig:
    """Settings of ``kibble calibrate``.

    Args:
        camera: The camera's lens: a file in the form of ROS camera_info, as camera_calibration
            writes it.
        points: A YAML file with a list of points whose places are known, 4 or more, better 8:
            "- {point: [0.30, -0.20, 0.0], pixel: [112.5, 301.0]}"; metres in the base frame,
            pixels from the picture's upper left corner. null takes the place that the camera file
            has already, to look at.
        picture: A picture of the camera, on which points and a grid of 10 cm on the table are
            drawn; null draws nothing.
        view: Name of the view, which makes the names of the files; null takes the camera file's.
        surface: Height of the table in the base frame, m; the grid lies there.
        out: Folder of calibrations to write to; it is what the reward's calibration= takes.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        ConfigError: If there is nothing to do, or a name is none.
    """

    camera: str = ""
    points: str | None = None
    picture: str | None = None
    view: str | None = None
    surface: float = 0.0
    out: str = "calibration"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.camera:
            raise ConfigError(
                "`camera` must name a file in the form of ROS camera_info, got none; write "
                "camera=usb_cam.yaml. docs/keypoints.md, 'Cameras', says where it comes from."
            )
        if self.points is None and self.picture is None:
            raise ConfigError(
                "`points` or `picture` must be given, got neither; points=points.yaml finds where "
                "the camera stands, picture=front.png shows what the file says."
            )
        if self.view is not None and (not self.view or set(self.view) & set("/\\.")):
            raise ConfigError(
                f"`view` must be a plain name such as front, got {self.view!r}; it becomes the "
                "name of a file."
            )
