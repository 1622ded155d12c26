"""Behaviour cloning: an actor that begins by doing what the demonstrations do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import nn
from torch.nn import functional

from kibble.agents.critics import TwinSACPolicy
from kibble.agents.reflecting import Reflecting, reflecting_of
from kibble.rewards.errors import ConfigError

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

    from kibble.agents.builders import Algorithm
    from kibble.agents.config import TrainConfig
    from kibble.agents.demonstrated import Transitions

__all__ = ["Cloning", "clone_actor", "warm_start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloning:
    """How far the actor's best action was from the demonstrated one.

    Args:
        before: Mean squared error before cloning, over all demonstrated steps and entries.
        after: The same afterwards.
    """

    before: float
    after: float

    def __str__(self) -> str:
        return (
            f"the mean squared error of the demonstrated actions fell from {self.before:.3f} to "
            f"{self.after:.3f}."
        )


def warm_start(
    agent: Algorithm, config: TrainConfig, transitions: Transitions, venv: VecEnv
) -> Cloning:
    """Clone the actor of a run from its demonstrations; see :func:`clone_actor`.

    Args:
        agent: A freshly built agent of the run.
        config: The run.
        transitions: Its demonstrations.
        venv: Its environments, which may be symmetric.
    """
    symmetric = config.agent.mirror and config.observation in ("state", "relative")
    return clone_actor(
        agent,
        transitions.observations,
        transitions.actions,
        steps=config.agent.warm_start_steps,
        std=config.agent.warm_start_std,
        reflecting=reflecting_of(venv, device=agent.device) if symmetric else None,
    )


def clone_actor(
    agent: Algorithm,
    observations: NDArray[np.float32],
    actions: NDArray[np.float32],
    *,
    steps: int,
    std: float,
    reflecting: Reflecting | None = None,
) -> Cloning:
    """Fit the actor to demonstrated actions; critics and the agent's optimisers stay as they are.

    The mode of the policy moves towards the demonstrated action by least squares, and its
    standard deviation towards ``std``: the likelihood alone would take all exploration away.

    Args:
        agent: A freshly built agent.
        observations: (M, D) float32, as the agent sees them.
        actions: (M, A) float32, as the environment takes them.
        steps: Gradient steps, each on as many transitions as the agent's own.
        std: Standard deviation to explore with, of the action before it is squashed (SAC, TQC,
            CrossQ) or of the action (PPO).
        reflecting: Mirrors of transitions, where the environment has any.

    Returns:
        Errors before and after.

    Raises:
        ConfigError: If actions are not continuous.

    Source:
        Pomerleau 1989, "ALVINN"; as a start for reinforcement learning Rajeswaran et al. 2018,
        "Learning Complex Dexterous Manipulation with Deep Reinforcement Learning and
        Demonstrations", section III-C.
    """
    if not isinstance(agent.action_space, spaces.Box):
        raise ConfigError(
            f"`agent.warm_start_steps` needs continuous actions, got {agent.action_space}; "
            "leave it at 0."
        )
    device = agent.device
    shown = torch.as_tensor(observations, device=device)  # (M, D)
    if isinstance(agent, PPO):
        wanted = torch.as_tensor(actions, device=device)  # (M, A)
        parameters = [
            *agent.policy.mlp_extractor.policy_net.parameters(),
            *agent.policy.action_net.parameters(),
        ]
        with torch.no_grad():
            agent.policy.log_std.fill_(math.log(std))
    else:
        wanted = torch.as_tensor(agent.policy.scale_action(actions), device=device)
        parameters = list(agent.actor.parameters())
    before = _error(agent, shown, wanted)
    optimizer = torch.optim.Adam(parameters, lr=agent.lr_schedule(1.0))
    _train_mode(agent, True)
    for _ in range(steps):
        chosen = torch.randint(len(shown), (agent.batch_size,), device=device)
        batch_shown, batch_wanted = shown[chosen], wanted[chosen]
        if reflecting is not None:
            batch_shown, batch_wanted = _reflect(reflecting, batch_shown, batch_wanted)
        mode, log_std = _policy_of(agent, batch_shown)
        loss = functional.mse_loss(mode, batch_wanted)
        loss = loss + (log_std - math.log(std)).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    _train_mode(agent, False)
    if isinstance(agent.policy, TwinSACPolicy):
        agent.policy.move_average(1.0)
    return Cloning(before=before, after=_error(agent, shown, wanted))


def _policy_of(agent: Algorithm, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the policy's mode as the actor's output, (N, A), and log standard deviations."""
    if isinstance(agent, PPO):
        distribution = agent.policy.get_distribution(shown)
        return distribution.mode(), agent.policy.log_std.detach()
    mean, log_std, _ = agent.actor.get_action_dist_params(shown)
    return torch.tanh(mean), log_std


def _error(agent: Algorithm, shown: torch.Tensor, wanted: torch.Tensor) -> float:
    _train_mode(agent, False)
    with torch.no_grad():
        mode, _ = _policy_of(agent, shown)
        return float(functional.mse_loss(mode, wanted))


def _train_mode(agent: Algorithm, mode: bool) -> None:
    """Switch the actor, whose batch normalisation (CrossQ) acts differently in the two."""
    network: nn.Module = agent.policy if isinstance(agent, PPO) else agent.actor
    network.train(mode)


def _reflect(
    reflecting: Reflecting, shown: torch.Tensor, wanted: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    nothing = torch.zeros(len(shown), 1, device=shown.device)
    mirrored = reflecting.reflected(
        ReplayBufferSamples(
            observations=shown,
            actions=wanted,
            next_observations=shown,
            dones=nothing,
            rewards=nothing,
        )
    )
    return mirrored.observations, mirrored.actions
