"""Build SAC and PPO of Stable-Baselines3 from config."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from kibble.agents.config import AgentConfig
from kibble.agents.critics import LayerNormTwinSACPolicy, TwinSACPolicy
from kibble.agents.quick_sac import QuickSAC
from kibble.agents.replay import AugmentedReplayBuffer, reflection_of
from kibble.agents.shaped_vec_env import check_agent_gamma
from kibble.rewards.errors import ConfigError

__all__ = ["Algorithm", "build_agent", "planned_steps", "resolve_device"]

Algorithm = QuickSAC | PPO


def resolve_device(name: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:0`` into a device that is there.

    Raises:
        ConfigError: If it is not.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"`device` must be auto, cpu, cuda or cuda:0, got {name!r}.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"`device` must be available, got {name!r} and torch {torch.__version__} sees no GPU; "
            "write device=cpu, or install torch with CUDA."
        )
    return device


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
        ConfigError: If SAC is to act in an environment without continuous actions.
    """
    check_agent_gamma(venv, config.gamma)
    policy = "CnnPolicy" if observation == "pixels" else "MlpPolicy"
    network: dict[str, object] = {"net_arch": list(config.network)}
    if config.name == "ppo":
        return _build_ppo(config, venv, policy, network, seed=seed, device=device)
    if not isinstance(venv.action_space, spaces.Box):
        raise ConfigError(
            f"`agent=sac` needs continuous actions, got {venv.action_space}; choose agent=ppo."
        )
    assert config.buffer_size is not None
    assert config.learning_starts is not None
    assert config.tau is not None
    assert config.gradient_steps is not None
    assert config.policy_delay is not None
    twin = LayerNormTwinSACPolicy if config.layer_norm else TwinSACPolicy
    network["optimizer_kwargs"] = {"fused": True}
    reflection = reflection_of(venv) if config.mirror and observation == "state" else None
    agent = QuickSAC(
        policy if observation == "pixels" else twin,
        venv,
        learning_rate=config.learning_rate,
        buffer_size=config.buffer_size,
        learning_starts=config.learning_starts,
        batch_size=config.batch_size,
        tau=config.tau,
        gamma=config.gamma,
        train_freq=1,
        gradient_steps=config.gradient_steps * venv.num_envs,
        ent_coef=config.ent_coef,
        replay_buffer_class=AugmentedReplayBuffer if observation == "state" else None,
        replay_buffer_kwargs={"reflection": reflection} if observation == "state" else {},
        policy_kwargs=network,
        seed=seed,
        device=device,
    )
    agent.policy_delay = config.policy_delay
    return agent


def _build_ppo(
    config: AgentConfig,
    venv: VecEnv,
    policy: str,
    network: dict[str, object],
    *,
    seed: int,
    device: torch.device,
) -> PPO:
    assert config.n_steps is not None
    assert config.n_epochs is not None
    assert config.gae_lambda is not None
    assert config.clip_range is not None
    assert not isinstance(config.ent_coef, str)
    rollout = config.n_steps * venv.num_envs
    return PPO(
        policy,
        venv,
        learning_rate=config.learning_rate,
        n_steps=config.n_steps,
        batch_size=min(config.batch_size, rollout),
        n_epochs=config.n_epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip_range,
        ent_coef=config.ent_coef,
        policy_kwargs=network,
        seed=seed,
        device=device,
    )


def planned_steps(config: AgentConfig, *, budget: int, n_envs: int) -> int:
    """Return the most steps within a budget that the algorithm can take in whole rollouts.

    Raises:
        ConfigError: If not even one rollout fits.

    >>> planned_steps(AgentConfig(name="ppo", ent_coef=0.0, n_steps=250, n_epochs=10,
    ...     gae_lambda=0.95, clip_range=0.2), budget=1_600, n_envs=2)
    1500
    """
    unit = n_envs * (config.n_steps or 1)
    planned = budget // unit * unit
    if planned == 0:
        raise ConfigError(
            f"`steps` must allow one rollout of {unit} steps, got {budget}; "
            "raise steps, or lower agent.n_steps or n_envs."
        )
    return planned
