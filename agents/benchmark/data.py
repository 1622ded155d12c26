"""Which data a benchmark runs on: simulated clips of its own or of the engine, or a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from kibble.agents.benchmark.config import DEFAULT_EPISODES, BenchmarkConfig
from kibble.agents.benchmark.shards import are_shards, shard_trials
from kibble.agents.benchmark.simulated import record_trials, simulated_trials
from kibble.agents.benchmark.trials import Trial
from kibble.agents.progress_bar import bar
from kibble.rewards.baselines import VIEWS
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.types import RewardModel

__all__ = ["Source", "check_views", "open_trials", "source_of", "view_names"]

_FREE_SIZE = (224, 224)  # of recordings, for models that take frames as they come

Source: TypeAlias = Literal["dataset", "shards", "clips"]


def source_of(data: Path) -> Source:
    """Tell a LeRobot dataset, clips of the data engine, and clips of this command apart.

    Raises:
        ConfigError: If it is none of them, and not free for recording.
    """
    if not data.exists():
        return "clips"
    if not data.is_dir():
        raise ConfigError(f"`data` must be a folder, got the file '{data}'.")
    if (data / "meta" / "info.json").is_file():
        return "dataset"
    if are_shards(data):
        return "shards"
    names = [path.name for path in data.iterdir() if not path.name.startswith(".")]
    foreign = [name for name in names if "-seed" not in name]
    if foreign:
        raise ConfigError(
            f"`data` must be a LeRobot dataset, a folder that `kibble benchmark` recorded, or a "
            f"new one to record into, got '{data}', which holds {sorted(foreign)[0]!r}; "
            "name another folder."
        )
    return "clips"


def view_names(config: BenchmarkConfig, source: Source) -> list[str]:
    """What the views are called that models are given.

    Raises:
        KibbleError: If the data have no such view.
    """
    if source == "dataset":
        # the dataset's libraries are needed for datasets alone
        from kibble.agents.demonstrations.files import Demonstrations

        return list(Demonstrations(Path(config.data), views=config.views).views)
    wanted = list(config.views or VIEWS)
    unknown = [view for view in wanted if view not in VIEWS]
    if unknown or isinstance(config.views, Mapping):
        raise ConfigError(
            f"`views` must be some of {', '.join(VIEWS)} for simulated clips, got "
            f"{config.views!r}; write 'views=[front]'."
        )
    return wanted


def check_views(label: str, model: RewardModel, names: Sequence[str]) -> None:
    """Refuse a model that the data's views do not suffice for.

    Raises:
        FrameError: If it lacks a view that it needs, or knows none of them.
    """
    missing = [view for view in model.spec.required_views if view not in names]
    if missing or not set(names) & set(model.spec.views):
        raise FrameError(
            f"{label!r} must be given its views, {', '.join(model.spec.views)}, got "
            f"{', '.join(names)}; name them with views=, for example "
            f"'views={{{model.spec.views[0]}: {names[0]}}}'."
        )


def open_trials(
    config: BenchmarkConfig, source: Source, models: Mapping[str, RewardModel]
) -> list[Trial]:
    """Open the trials, recording simulated clips that are not there yet.

    Args:
        config: What to measure on.
        source: What ``config.data`` holds.
        models: The models; frames of a dataset are reduced to the largest size that they ask for.

    Raises:
        KibbleError: If the data cannot be read.
    """
    data = Path(config.data)
    if source == "shards":
        return shard_trials(
            data,
            tasks=config.tasks,
            appearance=config.appearance,
            episodes=config.episodes,
            views=config.views,
        )
    if source == "dataset":
        from kibble.agents.benchmark.recorded import recorded_trials

        sizes = [model.spec.image_size or _FREE_SIZE for model in models.values()]
        with bar(config.quiet, "looking at episodes") as show:
            return recorded_trials(
                data,
                size=(max(height for height, _ in sizes), max(width for _, width in sizes)),
                episodes=config.episodes,
                views=config.views,
                on_progress=show,
            )
    episodes = DEFAULT_EPISODES if config.episodes is None else config.episodes
    with bar(config.quiet, "recording clips") as show:
        record_trials(
            data,
            tasks=config.tasks,
            episodes=episodes,
            appearance=config.appearance,
            seed=config.seed,
            workers=config.workers,
            on_progress=show,
        )
    return simulated_trials(
        data,
        tasks=config.tasks,
        episodes=episodes,
        appearance=config.appearance,
        seed=config.seed,
        views=config.views,
    )
