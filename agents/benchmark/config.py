"""Settings of ``kibble benchmark``; free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kibble.agents.near_names import one_of
from kibble.agents.pretrain.config import TASKS
from kibble.rewards.errors import ConfigError

__all__ = ["KNOWN_TASKS", "BenchmarkConfig"]

KNOWN_TASKS = (*TASKS, "drawer_close")
APPEARANCES = ("default", "heldout")
DEFAULT_EPISODES = 4


def _are_views(views: object) -> bool:
    if isinstance(views, Mapping):
        return bool(views) and all(isinstance(name, str) for name in views.values())
    if isinstance(views, Sequence) and not isinstance(views, str):
        return bool(views) and all(isinstance(name, str) for name in views)
    return views is None


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """What ``kibble benchmark`` measures, and on what.

    Args:
        reward: Reward models side by side, as NAME, NAME@WEIGHTS, NAME@WEIGHTS?key=value or
            directories of weights; kibble models lists the names, among them the baselines
            time_counter, pixel_goal and random.
        data: Folder of held-out simulated clips, recorded on first use with goal frames; or one
            that the data engine recorded, which has none; or a LeRobot dataset.
        tasks: Simulated tasks.
        episodes: Clips of each kind of behaviour and task, null for 4; of a LeRobot dataset the
            most episodes that are read, null for all.
        appearance: Look of the simulated scenes, default or heldout: camera poses, colour shades,
            light, textures and distractors that training never draws.
        views: Views that models are given, such as [front], null for all; for a dataset also a
            mapping of ours to its own, such as {front: laptop}.
        goal: Whether models are given frames of the finished task; those that need some always
            are.
        seed: Seed of simulated scenes, shuffles, junk and intervals.
        out: Folder of the report; readings of models that are there already are used again.
        batch: Most frames in one call of a model.
        resamples: Bootstrap resamples of each interval.
        workers: Processes that record.
        device: auto, cpu or cuda.
        threads: Threads of the models.
        quiet: Whether to do without the progress bars.
    """

    reward: list[str] = field(
        default_factory=lambda: ["grm_tiny", "time_counter", "pixel_goal", "random"]
    )
    data: str = "data/benchmark"
    tasks: list[str] = field(default_factory=lambda: list(TASKS))
    episodes: int | None = None
    appearance: str = "default"
    views: Any = None
    goal: bool = False
    seed: int = 0
    out: str = "runs/benchmark"
    batch: int = 32
    resamples: int = 1000
    workers: int = 2
    device: str = "auto"
    threads: int = 1
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.reward:
            raise ConfigError("`reward` must name a reward model, got none; try reward=grm_tiny.")
        double = [name for i, name in enumerate(self.reward) if name in self.reward[:i]]
        if double:
            raise ConfigError(f"`reward` must name each model once, got {double[0]!r} twice.")
        if not self.tasks:
            raise ConfigError("`tasks` must name a task, got none; try tasks=reach,push.")
        for task in self.tasks:
            one_of("tasks", task, KNOWN_TASKS)
        one_of("appearance", self.appearance, APPEARANCES)
        for key in ("batch", "resamples", "workers", "threads"):
            if getattr(self, key) < 1:
                raise ConfigError(f"`{key}` must be 1 or more, got {getattr(self, key)}.")
        if not _are_views(self.views):
            raise ConfigError(
                f"`views` must be a list of names or a mapping, got {self.views!r}; write "
                "'views=[front]'."
            )
        if self.seed < 0:
            raise ConfigError(f"`seed` must be at least 0, got {self.seed}.")
        if self.episodes is not None and self.episodes < 1:
            raise ConfigError(
                f"`episodes` must be 1 or more, or null for the default, got {self.episodes}."
            )
