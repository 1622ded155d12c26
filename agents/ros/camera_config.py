"""Settings of ``kibble ros camera``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["CameraConfig"]


@dataclass(frozen=True, kw_only=True)
class CameraConfig:
    """Settings of ``kibble ros camera``.

    Args:
        input: A camera device such as /dev/video0, or a video file, which is played in real time
            again and again.
        view: Name of the view; the topic is /camera/<view>/image_raw unless `topic` names
            another.
        topic: Topic of the images, or null for the view's.
        image_size: Height and width of the pictures, pixels; a device is asked for it, a video is
            resized to it; empty for as they come.
        rate: Pictures per second; a device is asked for it, of a video so many are sent at most;
            null for as they come.
        compressed: Whether to send JPEG on <topic>/compressed instead: less for a network to
            carry and for small receive buffers to hold, 2 to 3 ms a picture.
        quality: Of JPEG, 1 to 100.
        loop: Whether a video begins again at its end.
        frame_id: Name of the camera's frame, or null for <view>_camera.
        transport: auto, dds (no ROS needed) or rclpy (within a ROS installation).
        domain: ROS domain, 0 to 232; null takes ROS_DOMAIN_ID, or 0.
        name: Name of the node, or null for camera_<view>.
        duration: Seconds after which it ends, or null for Ctrl-C.
        quiet: Whether to leave out the line of status.

    Raises:
        ConfigError: If a value is out of range.
    """

    input: str = "/dev/video0"
    view: str = "front"
    topic: str | None = None
    image_size: list[int] = field(default_factory=lambda: [480, 640])
    rate: float | None = None
    compressed: bool = False
    quality: int = 90
    loop: bool = True
    frame_id: str | None = None
    transport: str = "auto"
    domain: int | None = None
    name: str | None = None
    duration: float | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.image_size and (len(self.image_size) != 2 or min(self.image_size) < 8):
            raise ConfigError(
                "`image_size` must be height and width in pixels, 8 or more each, or empty, got "
                f"{list(self.image_size)}; write image_size=[480,640]."
            )
        if self.rate is not None and not 0.0 < self.rate <= 1000.0:
            raise ConfigError(f"`rate` must lie in (0, 1000] Hz or be null, got {self.rate}.")
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"`quality` must lie in [1, 100], got {self.quality}.")
        if self.duration is not None and not self.duration > 0.0:
            raise ConfigError(
                f"`duration` must be above 0 s or null, got {self.duration}; null goes on until "
                "Ctrl-C."
            )
