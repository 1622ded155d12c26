"""Settings of ``kibble ros simulate``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["SimulateConfig"]


@dataclass(frozen=True, kw_only=True)
class SimulateConfig:
    """Settings of ``kibble ros simulate``.

    Args:
        task: Name of a task of the tabletop suite, such as reach, push or stack.
        views: Cameras: front, wrist, side, top, and each with _depth added.
        image_size: Height and width of the pictures, pixels.
        rate: Pictures of each view per second.
        state_rate: Joint states, poses and clock readings per second.
        command_timeout: Seconds for which a velocity command holds; then the robot stands still.
        speed: Seconds of the robot's time per second; stamps then follow /clock, and nodes need
            use_sim_time.
        dwell: Seconds that success must hold.
        seed: Source of the scenes, one after another.
        transport: auto, dds (no ROS needed) or rclpy (within a ROS installation).
        domain: ROS domain, 0 to 232; null takes ROS_DOMAIN_ID, or 0.
        name: Name of the node.
        duration: Seconds after which it ends, or null for Ctrl-C.
        quiet: Whether to leave out the line of status.

    Raises:
        ConfigError: If a value is out of range.
    """

    task: str = "reach"
    views: list[str] = field(default_factory=lambda: ["front", "wrist"])
    image_size: list[int] = field(default_factory=lambda: [96, 96])
    rate: float = 30.0
    state_rate: float = 50.0
    command_timeout: float = 0.3
    speed: float = 1.0
    dwell: float = 0.5
    seed: int = 0
    transport: str = "auto"
    domain: int | None = None
    name: str = "simulated_robot"
    duration: float | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if len(self.image_size) != 2:
            raise ConfigError(
                f"`image_size` must be height and width in pixels, got {list(self.image_size)}; "
                "write image_size=[96,96]."
            )
        if self.seed < 0:
            raise ConfigError(f"`seed` must be at least 0, got {self.seed}.")
        if self.duration is not None and not self.duration > 0.0:
            raise ConfigError(
                f"`duration` must be above 0 s or null, got {self.duration}; null goes on until "
                "Ctrl-C."
            )
