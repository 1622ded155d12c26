"""Build a learning algorithm of Stable-Baselines3 from config."""

from __future__ import annotations

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from kibble.agents.agent_config import AgentConfig, OffPolicyConfig, PpoConfig
from kibble.agents.devices import resolve_device
from kibble.agents.off_policy import OffPolicyAgent, build_off_policy
from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.rollout_buffer import PotentialRolloutBuffer
from kibble.agents.scoring.source import find_source
from kibble.agents.shaped_vec_env import check_agent_gamma
from kibble.rewards.errors import ConfigError

__all__ = ["Algorithm", "build_agent", "planned_steps", "resolve_device"]

Algorithm = OffPolicyAgent | PPO


def build_agent(
    config: AgentConfig, venv: VecEnv, *, seed: int, device: torch.device, observation: str
) -> Algorithm:
    """Build the learning algorithm of a run.

    Args:
        config: Algorithm and its settings.
        venv: What it trains in.
        seed: Seeds networks, exploration and environments.
        device: Where networks live.
        observation: ``pixels`` takes a convolutional network, the others a plain one.

    Raises:
        ShapingError: If the reward is shaped with another gamma than the agent's.
        ConfigError: If the algorithm cannot act or see in this environment.
        MissingDependencyError: If the package of the algorithm is not installed.
    """
    check_agent_gamma(venv, config.decision_gamma)
    if isinstance(config, OffPolicyConfig):
        learner = build_off_policy(config, venv, seed=seed, device=device, observation=observation)
        source = find_source(venv)
        if source is not None:
            assert isinstance(learner.replay_buffer, PotentialReplayBuffer)
            learner.replay_buffer.follow(source)
        return learner
    assert isinstance(config, PpoConfig)
    agent = PPO(
        "CnnPolicy" if observation == "pixels" else "MlpPolicy",
        venv,
        learning_rate=config.learning_rate,
        n_steps=config.n_steps,
        batch_size=min(config.batch_size, config.n_steps * venv.num_envs),
        n_epochs=config.n_epochs,
        gamma=config.decision_gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip_range,
        ent_coef=config.ent_coef,
        rollout_buffer_class=PotentialRolloutBuffer,
        policy_kwargs={"net_arch": list(config.network)},
        seed=seed,
        device=device,
    )
    source = find_source(venv)
    if source is not None:
        assert isinstance(agent.rollout_buffer, PotentialRolloutBuffer)
        agent.rollout_buffer.follow(source)
    return agent


def planned_steps(config: AgentConfig, *, budget: int, n_envs: int) -> int:
    """Return the most steps within a budget that the algorithm can take in whole rollouts.

    Raises:
        ConfigError: If not even one rollout fits.

    >>> planned_steps(PpoConfig(n_steps=250), budget=1_600, n_envs=2)
    1500
    """
    unit = n_envs * (config.n_steps if isinstance(config, PpoConfig) else 1)
    planned = budget // unit * unit
    if planned == 0:
        raise ConfigError(
            f"`steps` must allow one rollout of {unit} steps, got {budget}; "
            "raise steps, or lower agent.n_steps or n_envs."
        )
    return planned
