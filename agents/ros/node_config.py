"""Settings of ``kibble ros node``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kibble.rewards.errors import ConfigError
from kibble.rewards.node.parameter_table import PARAMETERS

__all__ = ["NodeConfig"]


@dataclass(frozen=True, kw_only=True)
class NodeConfig:
    """Settings of ``kibble ros node``; what is null is as in `params`, or as in its table.

    Args:
        params: ROS parameter file; null for none.
        views: Names of the cameras' views, as the reward model knows them.
        cameras: View to the topic of its images, or to {topic, transport, rate}; transport is raw
            or compressed, rate the images per second that the camera delivers.
        reward: The reward model, as `kibble models` names it, or remote@URL/MODEL.
        instruction: The task in one sentence.
        goal: Picture file of the finished scene, as the first view sees it; "" for none.
        rate: Rewards per second, at most the rate of the slowest camera.
        tolerance: Seconds that stamps of images that are read together may lie apart.
        deadline: Seconds that the newest frame of a reward may be old when it is published.
        staleness: Seconds of silence after which a camera counts as lost.
        gamma: Discount factor of the agent that learns from the rewards.
        shaping: potential, difference, absolute, held_absolute or none.
        scale: Multiplies the potential.
        shift: Added to progress before scaling.
        auto_start: Whether the first episode starts by itself.
        episode_limit: Seconds after which an episode ends as truncated; 0 for no limit.
        use_sim_time: Whether time is that of /clock.
        transport: auto, dds (no ROS needed) or rclpy (within a ROS installation).
        domain: ROS domain, 0 to 232; null takes ROS_DOMAIN_ID, or 0.
        name: Name of the node; topics and services lie below it.
        namespace: Its namespace, or "" for none.
        duration: Seconds after which it ends, or null for Ctrl-C.
        quiet: Whether to leave out the line of status.

    Raises:
        ConfigError: If a value is out of range.
    """

    params: str | None = None
    views: list[str] | None = None
    cameras: Any = None
    reward: str | None = None
    instruction: str | None = None
    goal: str | None = None
    rate: float | None = None
    tolerance: float | None = None
    deadline: float | None = None
    staleness: float | None = None
    gamma: float | None = None
    shaping: str | None = None
    scale: float | None = None
    shift: float | None = None
    auto_start: bool | None = None
    episode_limit: float | None = None
    use_sim_time: bool | None = None
    transport: str = "auto"
    domain: int | None = None
    name: str = "reward_node"
    namespace: str = ""
    duration: float | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.duration is not None and not self.duration > 0.0:
            raise ConfigError(
                f"`duration` must be above 0 s or null, got {self.duration}; null goes on until "
                "Ctrl-C."
            )
        if not isinstance(self.cameras, Mapping | None):
            raise ConfigError(
                f"`cameras` must map views to topics, got {self.cameras!r}; write "
                "'cameras={front: /camera/image_raw}'."
            )
        for view, camera in (self.cameras or {}).items():
            if not isinstance(camera, str | Mapping):
                raise ConfigError(
                    f"`cameras.{view}` must be a topic or {{topic, transport, rate}}, got "
                    f"{camera!r}; write 'cameras={{{view}: /camera/image_raw}}'."
                )

    @property
    def overrides(self) -> dict[str, object]:
        """Parameters that were given beside the file, by dotted name."""
        values: dict[str, object] = {
            name: value
            for name in (*(parameter.name for parameter in PARAMETERS), "use_sim_time")
            if (value := getattr(self, name)) is not None
        }
        cameras: Mapping[str, Any] = self.cameras or {}
        for view, camera in cameras.items():
            entries = {"topic": camera} if isinstance(camera, str) else camera
            values |= {f"cameras.{view}.{key}": value for key, value in entries.items()}
        if cameras and self.views is None and self.params is None:
            values["views"] = list(cameras)
        return values
