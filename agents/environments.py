"""Build what an agent trains in: environments, their observations, and the shaped reward."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

import kibble.envs  # noqa: F401  (registers the tabletop suite)
from kibble.agents.acting.acting_vec_env import ActingVecEnv
from kibble.agents.action_chunks import in_chunks
from kibble.agents.agent_config import AgentConfig
from kibble.agents.config import VISUAL_OBSERVATIONS, TaskConfig, TrainConfig
from kibble.agents.curriculum import ChosenStarts, curriculum_over
from kibble.agents.embedding_model import embedding_model
from kibble.agents.goal_shown import GoalShown, goal_of
from kibble.agents.monitoring.monitored_vec_env import MonitoredVecEnv
from kibble.agents.observations import (
    EmbeddedObservation,
    FramesObservation,
    PixelObservation,
)
from kibble.agents.oracles import ORACLE_FRAMES, oracle_model
from kibble.agents.recorded_starts import recorded_stages
from kibble.agents.relative_observation import flat_observation
from kibble.agents.resumable import Resumable
from kibble.agents.shaped_vec_env import ShapedVecEnv
from kibble.agents.shaping_layer import build_shaper, run_rule
from kibble.agents.sparse_reward import SparseVecEnv
from kibble.agents.transform_config import ends_at_infractions
from kibble.envs.frames import CaptureFrames, frame_source, views_for
from kibble.envs.hard_termination import HardTermination
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Frames, ModelSpec, RewardModel

__all__ = ["build_environments", "make_environment", "make_observed"]

Env = gym.Env[object, object]


def make_environment(task: TaskConfig, *, renders: bool) -> Env:
    """Make the bare environment of a task, time limit included.

    Args:
        task: Id, views and options.
        renders: Whether frames will be asked for.

    Raises:
        ConfigError: If the id is unknown or the environment refuses an option.
    """
    options: dict[str, object] = dict(task.options)
    if task.views is not None:
        options |= {"views": tuple(task.views), "image_size": tuple(task.image_size)}
    if renders:
        options["render_mode"] = "rgb_array"
    try:
        env: Env = gym.make(task.id, disable_env_checker=True, **options)  # type: ignore[arg-type]
    except gym.error.UnregisteredEnv as error:
        near = difflib.get_close_matches(task.id, gym.registry, n=1, cutoff=0.4)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"`task.id` must be a registered Gymnasium id, got {task.id!r};{hint} "
            "Import the package that registers it first, or write package:Id-v0."
        ) from error
    except TypeError as error:
        raise ConfigError(
            f"`task.options` must be arguments of {task.id}, got {options}: {error}"
        ) from error
    return env


def make_observed(env: Env, observation: str, spec: ModelSpec | None) -> Env:
    """Wrap an environment so that it shows what the agent may see.

    Args:
        env: From :func:`make_environment`.
        observation: state, relative, embedding or pixels.
        spec: The reward model that embeds, for ``embedding``.
    """
    if observation == "pixels":
        return PixelObservation(env)
    scaled = flat_observation(env, observation)
    if observation in ("state", "relative"):
        return scaled
    assert spec is not None  # TrainConfig refuses embedding without a model
    return FramesObservation(scaled, views_for(frame_source(env), spec))


def build_environments(config: TrainConfig, model: RewardModel | None) -> VecEnv:
    """Build the vector environment of a run, shaped as its config says.

    Args:
        config: The run.
        model: The reward model, or ``None`` for the sparse reward and the oracles.

    Raises:
        ConfigError: If the environment does not suit the config.
    """
    model = oracle_model(config.reward.kind) or model
    begin = _chosen_starts(config)
    make = partial(
        _make_one,
        task=config.task,
        agent=config.agent,
        begin=begin,
        observation=config.observation,
        spec=None if model is None else model.spec,
        query_every=config.shaping.query_every,
        goal=goal_of(config.reward),
        hard=model is not None and ends_at_infractions(config.shaping),
    )
    thunks: list[Callable[[], Env]] = [make] * config.n_envs
    venv: VecEnv
    if config.asynchronous:
        acting = config.acting
        venv = ActingVecEnv(make, backlog=acting.backlog, process=acting.process)
    elif config.vectorization == "processes" and config.n_envs > 1:
        venv = SubprocVecEnv(thunks, start_method="forkserver")
    else:
        venv = DummyVecEnv(thunks)
    if begin is not None:
        venv = curriculum_over(venv, config.curriculum)
    if model is None:
        venv = SparseVecEnv(venv, rule=run_rule(config))
    else:
        venv = ShapedVecEnv(
            venv,
            build_shaper(config, model, config.n_envs, patient=True),
            scoring=config.scoring,
            remake=partial(build_shaper, config, patient=True),
        )
        if config.monitor.action != "off":
            venv = MonitoredVecEnv(venv, config.monitor)
    embedder = embedding_model(model, config.observation)
    return venv if embedder is None else EmbeddedObservation(venv, embedder)


def _chosen_starts(config: TrainConfig) -> Callable[[Env], Env] | None:
    """Return what wraps each environment for the run's curriculum, if there is one."""
    if config.curriculum.kind == "none":
        return None
    if config.curriculum.kind == "goals":
        return ChosenStarts
    assert config.demonstrations is not None  # TrainConfig refuses it
    stages = recorded_stages(
        make_environment(config.task, renders=False),
        Path(config.demonstrations),
        stages=config.curriculum.stages,
    )
    return partial(ChosenStarts, stages=stages)


def _make_one(
    *,
    task: TaskConfig,
    agent: AgentConfig,
    begin: Callable[[Env], Env] | None,
    observation: str,
    spec: ModelSpec | None,
    query_every: int,
    goal: Frames | None,
    hard: bool,
) -> Env:
    """Make one environment of the vector, in its own process where there are several."""
    told = [] if spec is None else [view for view in spec.views if view in ORACLE_FRAMES]
    pictured = spec is not None and not told
    env = make_environment(task, renders=observation in VISUAL_OBSERVATIONS or pictured)
    if goal is not None:
        env = GoalShown(env, goal)
    if begin is not None:
        env = begin(env)
    if hard:
        env = HardTermination(env)
    env = make_observed(in_chunks(env, agent), observation, spec)
    env = Resumable(env)
    for view in told:
        env = ORACLE_FRAMES[view](env)
    if spec is not None:
        views = views_for(frame_source(env), spec)
        env = CaptureFrames(env, every=query_every, views=views)
    return env
