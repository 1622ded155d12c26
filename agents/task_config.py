"""The environment of a run and what it is told to do: a schema free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["TaskConfig"]


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """The environment and what it is told to do.

    Args:
        name: Short name for directories and tables.
        id: Gymnasium id, such as kibble/Push-v0 or Pendulum-v1.
        instruction: The task in one sentence, or null for the environment's own instruction.
        views: Cameras to build, or null where the environment has just what render() draws.
        image_size: Height and width of frames in pixels; used where views are given.
        options: Further keyword arguments for gymnasium.make.
        real_time: Whether time goes on while nobody acts, as before a robot: one environment at a
            time then, and training acts asynchronously (acting.asynchronous).
    """

    name: str = "reach"
    id: str = "kibble/Reach-v0"
    instruction: str | None = None
    views: list[str] | None = None
    image_size: list[int] = field(default_factory=lambda: [96, 96])
    options: dict[str, bool | int | float | str] = field(default_factory=dict)
    real_time: bool = False

    def __post_init__(self) -> None:
        if not self.id or not self.name:
            raise ConfigError(
                "`task.id` must be a Gymnasium id and `task.name` a short name, got "
                f"{self.id!r} and {self.name!r}; write for example task=gymnasium "
                "task.id=Pendulum-v1 task.name=pendulum."
            )
        if len(self.image_size) != 2 or min(self.image_size) < 8:
            raise ConfigError(
                "`task.image_size` must be height and width in pixels, 8 or more each, got "
                f"{list(self.image_size)}; write task.image_size=[96,96]."
            )
