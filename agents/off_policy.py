"""Build the algorithms that learn from a replay buffer: SAC, TQC and CrossQ."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.vec_env import VecEnv

from kibble.agents.agent_config import CrossqConfig, OffPolicyConfig, SacConfig, TqcConfig
from kibble.agents.critics import LayerNormTwinSACPolicy, TwinSACPolicy
from kibble.agents.quick_sac import QuickSAC
from kibble.agents.reflecting import reflecting_of
from kibble.agents.replay import PotentialReplayBuffer
from kibble.rewards.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from sb3_contrib import TQC, CrossQ

    OffPolicyAgent = QuickSAC | TQC | CrossQ
else:  # sb3-contrib is an extra
    OffPolicyAgent = QuickSAC

__all__ = ["OffPolicyAgent", "build_off_policy"]


class _Settings(TypedDict):
    """What the three algorithms take alike."""

    learning_rate: float
    buffer_size: int
    learning_starts: int
    batch_size: int
    gamma: float
    train_freq: int
    gradient_steps: int
    ent_coef: float | str
    replay_buffer_class: type[ReplayBuffer]
    replay_buffer_kwargs: dict[str, object]
    seed: int
    device: torch.device


def build_off_policy(
    config: OffPolicyConfig, venv: VecEnv, *, seed: int, device: torch.device, observation: str
) -> OffPolicyAgent:
    """Build SAC, TQC or CrossQ; see :func:`kibble.agents.builders.build_agent`.

    Raises:
        ConfigError: If actions are not continuous, or CrossQ is to learn from pixels.
        MissingDependencyError: If sb3-contrib is needed and not installed.
    """
    if not isinstance(venv.action_space, spaces.Box):
        raise ConfigError(
            f"`agent={config.name}` needs continuous actions, got {venv.action_space}; "
            "choose agent=ppo."
        )
    pixels = observation == "pixels"
    symmetric = config.mirror and observation in ("state", "relative")
    settings: _Settings = {
        "learning_rate": config.learning_rate,
        "buffer_size": config.buffer_size,
        "learning_starts": config.learning_starts,
        "batch_size": config.batch_size,
        "gamma": config.decision_gamma,
        "train_freq": 1,
        "gradient_steps": config.gradient_steps * venv.num_envs,
        "ent_coef": config.ent_coef,
        "replay_buffer_class": PotentialReplayBuffer,
        "replay_buffer_kwargs": {
            "reflecting": reflecting_of(venv, device=device) if symmetric else None
        },
        "seed": seed,
        "device": device,
    }
    network: dict[str, object] = {"net_arch": list(config.network)}
    if isinstance(config, SacConfig):
        twin = LayerNormTwinSACPolicy if config.layer_norm else TwinSACPolicy
        agent = QuickSAC(
            "CnnPolicy" if pixels else twin,
            venv,
            tau=config.tau,
            policy_kwargs={**network, "optimizer_kwargs": {"fused": True}},
            **settings,
        )
        agent.policy_delay = config.policy_delay
        agent.actor_average = config.actor_average
        return agent
    try:
        from sb3_contrib import TQC, CrossQ
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"`agent={config.name}` needs the package sb3-contrib, which is not installed; "
            "run `pip install 'kibble[contrib]'`."
        ) from error
    if isinstance(config, TqcConfig):
        return TQC(
            "CnnPolicy" if pixels else "MlpPolicy",
            venv,
            tau=config.tau,
            top_quantiles_to_drop_per_net=config.dropped_quantiles,
            policy_kwargs={
                **network,
                "optimizer_kwargs": {"fused": True},
                "n_critics": config.critics,
                "n_quantiles": config.quantiles,
            },
            **settings,
        )
    assert isinstance(config, CrossqConfig)
    if pixels:
        raise ConfigError(
            "`agent=crossq` has no network for pixels, got observation=pixels; choose agent=sac "
            "or tqc, or observation=embedding."
        )
    return CrossQ(
        "MlpPolicy", venv, policy_delay=config.policy_delay, policy_kwargs=network, **settings
    )
