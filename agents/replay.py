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

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize

__all__ = ["AugmentedReplayBuffer", "Reflection", "reflection_of"]

Reflection = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Signs, (D,) and (A,): a mirrored observation is ``signs * observation``, actions likewise."""


@final
class AugmentedReplayBuffer(ReplayBuffer):
    """Fills a share of each batch from demonstrations, and mirrors half of every batch.

    Rewards stay as they are. Demonstrations lie beside what the agent itself experienced and are
    never overwritten by it.

    Args:
        buffer_size: Transitions of the agent's own that it holds.
        observation_space: Flat observations.
        action_space: Flat actions.
        device: Where batches go.
        n_envs: Environments side by side.
        optimize_memory_usage: As in the base class.
        reflection: What mirrors a transition, where the environment is symmetric.

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
        reflection: Reflection | None = None,
    ) -> None:
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            optimize_memory_usage=optimize_memory_usage,
        )
        self._signs = (
            None
            if reflection is None
            else tuple(torch.as_tensor(signs, device=self.device) for signs in reflection)
        )
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
        return self._mirror(self._mix(batch_size, env))

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

    def _mirror(self, batch: ReplayBufferSamples) -> ReplayBufferSamples:
        if self._signs is None:
            return batch
        mirrored = torch.rand(len(batch.rewards), 1, device=self.device) < 0.5  # (N, 1)
        one = torch.ones((), device=self.device)
        observation_signs = torch.where(mirrored, self._signs[0], one)  # (N, D)
        return batch._replace(
            observations=batch.observations * observation_signs,
            next_observations=batch.next_observations * observation_signs,
            actions=batch.actions * torch.where(mirrored, self._signs[1], one),
        )


def reflection_of(venv: VecEnv) -> Reflection | None:
    """Return signs that mirror observations and actions, or None where there is no symmetry.

    The environment must offer ``reflection`` = (observation signs, action signs), and every
    observation that changes its sign must be bounded symmetrically, so that scaling keeps it.
    """
    space = venv.observation_space
    if not isinstance(space, spaces.Box) or not venv.has_attr("reflection"):
        return None
    observation_signs, action_signs = (
        np.asarray(signs, np.float32) for signs in venv.get_attr("reflection", indices=0)[0]
    )
    if observation_signs.shape != space.shape:
        return None  # the agent observes something else than the state
    flipped = observation_signs < 0
    symmetric = venv.get_attr("scaling_offset", indices=0)[0][flipped] == 0.0
    return (observation_signs, action_signs) if symmetric.all() else None
