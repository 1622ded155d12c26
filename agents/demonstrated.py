"""Transitions of recorded demonstrations, paid by the reward of the run that learns from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.config import TrainConfig
from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.environments import make_environment
from kibble.agents.observations import ScaledObservation
from kibble.rewards.errors import ConfigError
from kibble.rewards.potential import Potential
from kibble.rewards.shaper import Shaper
from kibble.rewards.shaping import shaping_term
from kibble.rewards.types import RewardModel, Task

__all__ = ["Transitions", "demonstrated_transitions"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transitions:
    """M transitions, episodes one after another.

    Args:
        observations: (M, D) float32, as the agent sees them.
        next_observations: (M, D) float32.
        actions: (M, A) float32.
        rewards: (M,) float32, shaped.
        terminated: (M,) bool.
    """

    observations: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]


def demonstrated_transitions(config: TrainConfig, model: RewardModel | None) -> Transitions:
    """Read the run's demonstrations and pay each step what the run itself would have paid.

    A reward model reads the recorded frames, one reading per frame as in training; the
    simulator's labels are looked at for ``reward=oracle`` alone.

    Args:
        config: The run; ``demonstrations`` names the folder.
        model: Its reward model, or ``None`` for the sparse and the oracle reward.

    Raises:
        CheckpointError: If the folder holds no demonstrations.
        ConfigError: If they are of another task, failed, do not fit the observations or actions,
            or lack what the reward reads.
    """
    assert config.demonstrations is not None
    folder = Path(config.demonstrations)
    scaled = ScaledObservation(make_environment(config.task, renders=False))
    try:
        for episode in Demonstrations(folder, views=()):  # before any frame is decoded
            _check(episode, config, scaled)
        episodes = list(Demonstrations(folder, views=_views(folder, model)))
        seen = [
            np.stack([scaled.observation(row) for row in episode.observations])
            for episode in episodes
        ]
    finally:
        scaled.close()
    return Transitions(
        observations=np.concatenate([rows[:-1] for rows in seen]),
        next_observations=np.concatenate([rows[1:] for rows in seen]),
        actions=np.concatenate([episode.actions for episode in episodes]),
        rewards=np.concatenate(
            [_rewards(episode, config, model) for episode in episodes], dtype=np.float32
        ),
        terminated=np.concatenate([_terminated(episode) for episode in episodes]),
    )


def _check(episode: RecordedEpisode, config: TrainConfig, scaled: ScaledObservation) -> None:
    """Refuse what would teach the wrong thing."""
    rows = episode.observations.shape[1:]
    if rows != scaled.observation_space.shape:
        raise ConfigError(
            f"`demonstrations` must be of task={config.task.name}, whose observations have shape "
            f"{scaled.observation_space.shape}, got {rows} in '{config.demonstrations}'; record "
            f"some with `kibble demos task={config.task.name} out=…`."
        )
    if len(episode) < 1 or episode.actions.shape[1:] != scaled.action_space.shape:
        raise ConfigError(
            f"`demonstrations` must be steps with actions of shape {scaled.action_space.shape}, "
            f"got {len(episode)} steps of shape {episode.actions.shape[1:]} in "
            f"'{config.demonstrations}'; record some with "
            f"`kibble demos task={config.task.name} out=…`."
        )
    if config.reward.kind == "oracle" and episode.labels is None:
        raise ConfigError(
            f"reward=oracle needs demonstrations with the simulator's labels, got none in "
            f"'{config.demonstrations}'; choose another reward."
        )
    if not episode.success:
        raise ConfigError(
            f"`demonstrations` must succeed, got a failed one in '{config.demonstrations}' "
            f"({episode.instruction!r}); record them with failures=false."
        )


def _views(folder: Path, model: RewardModel | None) -> tuple[str, ...]:
    """Return the views that the model reads of those that are there; without a model none."""
    if model is None:
        return ()
    known = Demonstrations(folder).views
    missing = [view for view in model.spec.required_views if view not in known]
    found = tuple(view for view in model.spec.views if view in known)
    if missing or not found:
        raise ConfigError(
            f"`demonstrations` must have the views that {model.spec.name} reads, "
            f"{list(model.spec.views)}, got {sorted(known)} in '{folder}'; name "
            "the dataset's features observation.images.<view> accordingly."
        )
    return found


def _terminated(episode: RecordedEpisode) -> NDArray[np.bool_]:
    terminated = np.zeros(len(episode), np.bool_)
    terminated[-1] = episode.terminated
    return terminated


def _rewards(
    episode: RecordedEpisode, config: TrainConfig, model: RewardModel | None
) -> NDArray[np.float64]:
    """Return (T,) float64, each step's task reward plus its shaping term."""
    shaping, gamma = config.shaping, config.agent.gamma
    task = episode.rewards.astype(np.float64)
    terminated = _terminated(episode)
    if model is not None:
        shaper = Shaper(
            Potential(model, scale=shaping.scale, shift=shaping.shift),
            slots=1,
            gamma=gamma,
            mode=shaping.mode,
        )
        frames = [
            {view: images[t : t + 1] for view, images in episode.frames.items()}
            for t in range(len(episode) + 1)
        ]
        shaper.begin({0: (Task(instruction=episode.instruction), frames[0])})
        never = np.zeros(1, np.bool_)
        return np.array(
            [
                shaper.step(
                    task[t : t + 1], terminated[t : t + 1], never, {0: frames[t + 1]}
                ).total[0]
                for t in range(len(episode))
            ]
        )
    if config.reward.kind == "oracle":
        assert episode.labels is not None
        phi = shaping.scale * (episode.labels.progress.astype(np.float64) + shaping.shift)
        return task + shaping_term(phi[:-1], phi[1:], terminated, gamma=gamma, mode=shaping.mode)
    return task
