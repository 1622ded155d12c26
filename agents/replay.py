"""A replay buffer that also learns from demonstrations and from mirror images."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from kibble.agents.demonstrated import Transitions
from kibble.agents.reflecting import Reflecting

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize

__all__ = ["AugmentedReplayBuffer"]


@final
class AugmentedReplayBuffer(ReplayBuffer):
    """Fills a share of each batch from demonstrations, and mirrors most of it.

    Rewards stay as they are. Demonstrations lie beside what the agent itself experienced and are
    never overwritten by it.

    Args:
        buffer_size: Transitions of the agent's own that it holds.
        observation_space: Flat observations.
        action_space: Flat actions.
        device: Where batches go.
        n_envs: Environments side by side.
        optimize_memory_usage: As in the base class.
        reflecting: Mirrors transitions, where the environment is symmetric.

    Source:
        Ball et al. 2023, "Efficient Online Reinforcement Learning with Offline Data" (RLPD), for
        sampling each batch from both sources.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[NDArray[np.float32]],
        action_space: spaces.Space[NDArray[np.float32]],
        device: torch.device | str = "cpu",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        *,
        reflecting: Reflecting | None = None,
    ) -> None:
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            optimize_memory_usage=optimize_memory_usage,
        )
        self._reflecting = reflecting
        self._demonstrated: ReplayBufferSamples | None = None
        self._share = 0.0

    def demonstrate(self, transitions: Transitions, *, share: float) -> None:
        """Take part of every further batch from demonstrations.

        Args:
            transitions: Of all demonstrations, M >= 1.
            share: Part of each batch, in [0, 1].
        """
        self._share = share
        self._demonstrated = ReplayBufferSamples(
            observations=self.to_torch(transitions.observations),
            actions=self.to_torch(transitions.actions),
            next_observations=self.to_torch(transitions.next_observations),
            dones=self.to_torch(transitions.terminated[:, None].astype(np.float32)),
            rewards=self.to_torch(transitions.rewards[:, None]),
        )

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> ReplayBufferSamples:
        """Sample transitions with replacement."""
        batch = self._mix(batch_size, env)
        return batch if self._reflecting is None else self._reflecting.reflected(batch)

    def _mix(self, batch_size: int, env: VecNormalize | None) -> ReplayBufferSamples:
        if self._demonstrated is None:
            return super().sample(batch_size, env)
        count = round(self._share * batch_size)
        own = super().sample(batch_size - count, env)
        chosen = torch.randint(len(self._demonstrated.rewards), (count,), device=self.device)
        return ReplayBufferSamples(
            observations=torch.cat([own.observations, self._demonstrated.observations[chosen]]),
            actions=torch.cat([own.actions, self._demonstrated.actions[chosen]]),
            next_observations=torch.cat(
                [own.next_observations, self._demonstrated.next_observations[chosen]]
            ),
            dones=torch.cat([own.dones, self._demonstrated.dones[chosen]]),
            rewards=torch.cat([own.rewards, self._demonstrated.rewards[chosen]]),
        )
