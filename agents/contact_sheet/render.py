"""``kibble render``: plays a few episodes and draws what the cameras see."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import cast

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from gymnasium.wrappers import FlattenObservation
from numpy.typing import NDArray

from kibble.agents.contact_sheet.config import RenderConfig
from kibble.agents.contact_sheet.drawing import SheetRow, draw_sheet
from kibble.agents.demonstrations.episode import RecordedEpisode, play_episode
from kibble.agents.environments import make_environment
from kibble.envs.frames import frame_source
from kibble.envs.tabletop import TabletopEnv, make_expert
from kibble.rewards.errors import ConfigError

__all__ = ["render", "render_sheet"]

Env = gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]


def render(config: RenderConfig) -> None:
    """Write the contact sheet and say where it is: the command ``kibble render``."""
    path = render_sheet(config)
    print(f"Contact sheet: {path}")


def render_sheet(config: RenderConfig) -> Path:
    """Play the episodes and write the sheet.

    Returns:
        Where it is.

    Raises:
        ConfigError: If the picture exists already, or there is no expert where one is asked for.
    """
    path = _free_path(config)
    env = cast("Env", make_environment(config.task, renders=True))
    try:
        rows = [
            _row(config, env, seed) for seed in range(config.seed, config.seed + config.episodes)
        ]
    finally:
        env.close()
    policy = "scripted expert" if _plays_expert(config, env) else "random actions"
    sheet = draw_sheet(f"{config.task.id}: {policy}", rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path


def _row(config: RenderConfig, env: Env, seed: int) -> SheetRow:
    if not isinstance(env.observation_space, Box):
        env = cast("Env", FlattenObservation(env))
    episode = play_episode(
        env,
        frame_source(env),
        _policy(config, env, seed),
        seed=seed,
        instruction=config.task.instruction,
    )
    moments = np.linspace(0, len(episode), config.moments).round().astype(int)  # (M,)
    return SheetRow(
        caption=_caption(episode, seed),
        frames={view: frames[moments] for view, frames in episode.frames.items()},
        labels=[_label(episode, int(moment)) for moment in moments],
    )


def _caption(episode: RecordedEpisode, seed: int) -> str:
    said = f'"{episode.instruction}"' if episode.instruction else "no instruction"
    outcome = "success" if episode.success else "no success"
    ending = f"   {outcome} after {len(episode)} steps" if episode.labels is not None else ""
    return f"seed {seed}   {said}{ending}"


def _label(episode: RecordedEpisode, moment: int) -> str:
    if episode.labels is None:
        return f"step {moment}"
    return f"step {moment}  oracle {episode.labels.progress[moment]:.2f}"


def _plays_expert(config: RenderConfig, env: Env) -> bool:
    has_expert = isinstance(env.unwrapped, TabletopEnv)
    if config.policy == "expert" and not has_expert:
        raise ConfigError(
            f"`policy=expert` needs a task of the tabletop suite, got {config.task.id!r}; "
            "write policy=random."
        )
    return has_expert and config.policy != "random"


def _policy(config: RenderConfig, env: Env, seed: int) -> Callable[[], NDArray[np.float32]]:
    if _plays_expert(config, env):
        return make_expert(env)
    env.action_space.seed(seed)
    return env.action_space.sample


def _free_path(config: RenderConfig) -> Path:
    if config.out is not None:
        path = Path(config.out)
        if path.exists() and not config.overwrite:
            raise ConfigError(
                f"`out` must name a new picture, got '{path}', which exists; choose another "
                "name, or add overwrite=true. Nothing was changed."
            )
        return path
    stem = f"render-{config.task.name}"
    if config.overwrite:
        return Path(f"{stem}.png")
    names = (f"{stem}.png" if n == 1 else f"{stem}-{n}.png" for n in itertools.count(1))
    return next(path for path in map(Path, names) if not path.exists())
