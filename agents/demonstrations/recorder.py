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

from kibble.agents.demonstrations.columns import episode_columns, episode_features
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.episode import play_episode
from kibble.agents.demonstrations.lerobot.episodes_file import read_episode_rows
from kibble.agents.demonstrations.recording_log import (
    LOG,
    RecordedSeed,
    RecordingLog,
    read_log,
    write_log,
)
from kibble.agents.demonstrations.writer import DatasetWriter
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
        log = record_demonstrations(
            config, report=lambda count: progress.update(bar, completed=count)
        )
    folder = _folder(config)
    steps = [row.length - 1 for row in read_episode_rows(folder)]
    succeeded = sum(entry.success for entry in log.episodes)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(f"Demonstrations: {folder} ({len(steps)} episodes, {sum(steps)} steps, {size:.1f} MB)")
    print(f"Kept with success: {succeeded} of {len(steps)}; played: {log.attempts}")
    print(f"Steps per episode: {min(steps)} to {max(steps)}, mean {np.mean(steps):.1f}")


def record_demonstrations(
    config: DemosConfig, report: Callable[[int], object] = lambda count: None
) -> RecordingLog:
    """Record until the dataset holds ``config.episodes`` episodes.

    Args:
        config: What to record, and where.
        report: Called with the number of episodes in the dataset whenever it changes.

    Returns:
        How the dataset came about.

    Raises:
        CheckpointError: If the folder holds something else, or was recorded under other settings.
        ConfigError: If the task has no scripted expert, or the expert keeps failing.
    """
    folder = _folder(config)
    env = cast("Env", make_environment(config.task, renders=True))
    try:
        log = _open(folder, config, env)
        writer = DatasetWriter(folder, fps=1.0 / log.control_dt, keep=len(log.episodes))
        report(len(log.episodes))
        limit = log.attempts + _ATTEMPTS_PER_EPISODE * config.episodes
        while len(log.episodes) < config.episodes:
            if log.attempts >= limit:
                raise ConfigError(
                    f"The expert of `{config.task.id}` must succeed, got {len(log.episodes)} "
                    f"successes in {log.attempts} episodes; add failures=true to keep all."
                )
            log = _record_next(writer, config, env, log)
            write_log(folder, log)
            report(len(log.episodes))
    finally:
        env.close()
    return log


def _record_next(
    writer: DatasetWriter, config: DemosConfig, env: Env, log: RecordingLog
) -> RecordingLog:
    """Play one more episode; keep it if it is to be kept."""
    source = np.random.SeedSequence([config.seed, log.attempts])
    seed = int(source.generate_state(1)[0])
    rng = np.random.default_rng(source.spawn(1)[0]) if config.noise else None
    episode = play_episode(
        env,
        frame_source(env),
        make_expert(env, rng=rng),
        seed=seed,
        instruction=config.task.instruction,
    )
    kept = log.episodes
    if episode.success or config.failures:
        features = episode_features(
            episode,
            observation_names=log.observation_names,
            video=config.video,
            fps=1.0 / log.control_dt,
        )
        writer.append(episode_columns(episode), features, instruction=episode.instruction)
        kept = (*kept, RecordedSeed(seed=seed, success=episode.success))
    return dataclasses.replace(log, attempts=log.attempts + 1, episodes=kept)


def _open(folder: Path, config: DemosConfig, env: Env) -> RecordingLog:
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
        "video": config.video,
    }
    if _is_taken(folder):
        log = read_log(folder)
        if log.settings != settings:
            changed = [key for key in settings if log.settings.get(key) != settings[key]]
            raise CheckpointError(
                f"`out` must be a new folder or one recorded with the same settings, got "
                f"'{folder}' with another {' and '.join(changed)}; choose another name. "
                "Nothing was changed."
            )
        return log
    log = RecordingLog(
        settings=settings,
        attempts=0,
        control_dt=env.unwrapped.control_dt,
        observation_names=tuple(env.unwrapped.observation_names),
        episodes=(),
    )
    write_log(folder, log)
    return log


def _is_taken(folder: Path) -> bool:
    """Whether a folder holds a recording; one that holds something else is refused.

    Hidden files do not count: a recording that was killed at once leaves one.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise CheckpointError(f"`out` must be a folder, got the file '{folder}'; choose another.")
    if (folder / LOG).exists():
        return True
    others = [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    ]
    if others:
        raise CheckpointError(
            f"`out` must be a new or an empty folder, or hold a recording of `kibble demos`, got "
            f"'{folder}' with other files, such as {min(others)}; choose another name. Nothing "
            "was changed."
        )
    return False


def _folder(config: DemosConfig) -> Path:
    return Path(config.out) if config.out is not None else Path("data") / config.task.name
