"""``kibble demos``: records demonstrations of a scripted expert, and goes on where it stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import cast

import gymnasium
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.episode import RecordedEpisode, play_episode
from kibble.agents.demonstrations.files import (
    EpisodeEntry,
    Index,
    read_index,
    write_episode,
    write_index,
)
from kibble.agents.environments import make_environment
from kibble.envs.frames import frame_source
from kibble.envs.tabletop import TabletopEnv, make_expert
from kibble.rewards.errors import CheckpointError, ConfigError

__all__ = ["record", "record_demonstrations"]

Env = gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]

_ATTEMPTS_PER_EPISODE = 5  # an expert that fails more often than this is not one


def record(config: DemosConfig) -> None:
    """Record and report: the command ``kibble demos``."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("[bold]recording"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task("recording", total=config.episodes)
        index = record_demonstrations(
            config, report=lambda count: progress.update(bar, completed=count)
        )
    folder = _folder(config)
    steps = [entry.steps for entry in index.episodes]
    succeeded = sum(entry.success for entry in index.episodes)
    size = sum((folder / entry.file).stat().st_size for entry in index.episodes) / 1e6
    print(f"Demonstrations: {folder} ({len(steps)} episodes, {sum(steps)} steps, {size:.1f} MB)")
    print(f"Kept with success: {succeeded} of {len(steps)}; played: {index.attempts}")
    print(f"Steps per episode: {min(steps)} to {max(steps)}, mean {np.mean(steps):.1f}")


def record_demonstrations(
    config: DemosConfig, report: Callable[[int], object] = lambda count: None
) -> Index:
    """Record until the folder holds ``config.episodes`` episodes.

    Args:
        config: What to record, and where.
        report: Called with the number of episodes in the folder whenever it changes.

    Returns:
        The folder's index.

    Raises:
        CheckpointError: If the folder holds something else, or was recorded under other settings.
        ConfigError: If the task has no scripted expert, or the expert keeps failing.
    """
    folder = _folder(config)
    env = cast("Env", make_environment(config.task, renders=True))
    try:
        index = _open(folder, config, env)
        report(len(index.episodes))
        limit = index.attempts + _ATTEMPTS_PER_EPISODE * config.episodes
        while len(index.episodes) < config.episodes:
            if index.attempts >= limit:
                raise ConfigError(
                    f"The expert of `{config.task.id}` must succeed, got {len(index.episodes)} "
                    f"successes in {index.attempts} episodes; add failures=true to keep all."
                )
            index = _record_next(folder, config, env, index)
            report(len(index.episodes))
    finally:
        env.close()
    return index


def _record_next(folder: Path, config: DemosConfig, env: Env, index: Index) -> Index:
    """Play one more episode; keep it if it is to be kept."""
    source = np.random.SeedSequence([config.seed, index.attempts])
    seed = int(source.generate_state(1)[0])
    rng = np.random.default_rng(source.spawn(1)[0]) if config.noise else None
    episode = play_episode(
        env,
        frame_source(env),
        make_expert(env, rng=rng),
        seed=seed,
        instruction=config.task.instruction,
    )
    entries = index.episodes
    if episode.success or config.failures:
        entry = _entry(episode, number=len(entries), seed=seed)
        write_episode(folder / entry.file, episode)
        entries = (*entries, entry)
    index = dataclasses.replace(index, attempts=index.attempts + 1, episodes=entries)
    write_index(folder, index)
    return index


def _entry(episode: RecordedEpisode, *, number: int, seed: int) -> EpisodeEntry:
    return EpisodeEntry(
        file=f"episode_{number:06d}.npz",
        seed=seed,
        steps=len(episode),
        success=episode.success,
        instruction=episode.instruction,
    )


def _open(folder: Path, config: DemosConfig, env: Env) -> Index:
    """Open the folder to go on in it, or make it."""
    if not isinstance(env.unwrapped, TabletopEnv):
        raise ConfigError(
            f"`task` must have a scripted expert, got {config.task.id!r}; "
            "demonstrations can be recorded for the kibble/* tasks."
        )
    settings: dict[str, object] = {
        "task": dataclasses.asdict(config.task),
        "seed": config.seed,
        "noise": config.noise,
        "failures": config.failures,
    }
    if _is_taken(folder):
        index = read_index(folder)
        if index.settings != settings:
            changed = [key for key in settings if index.settings.get(key) != settings[key]]
            raise CheckpointError(
                f"`out` must be a new folder or one recorded with the same settings, got "
                f"'{folder}' with another {' and '.join(changed)}; choose another name. "
                "Nothing was changed."
            )
        return index
    index = Index(
        settings=settings,
        attempts=0,
        control_dt=env.unwrapped.control_dt,
        observation_names=tuple(env.unwrapped.observation_names),
        episodes=(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_index(folder, index)
    return index


def _is_taken(folder: Path) -> bool:
    """Whether a folder holds demonstrations; one that holds something else is refused.

    Hidden files do not count: a recording that was killed at once leaves one.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise CheckpointError(f"`out` must be a folder, got the file '{folder}'; choose another.")
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if names and "index.json" not in names:
        raise CheckpointError(
            f"`out` must be a new or an empty folder, or hold demonstrations, got '{folder}' with "
            f"other files, such as {min(names)}; choose another name. Nothing was changed."
        )
    return bool(names)


def _folder(config: DemosConfig) -> Path:
    return Path(config.out) if config.out is not None else Path("data") / config.task.name
