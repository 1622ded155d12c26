"""A replay buffer that also learns from the mirror image of what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv, VecNormalize

__all__ = ["MirroredReplayBuffer", "reflection_of"]


@final
class MirroredReplayBuffer(ReplayBuffer):
    """Reflects each sampled transition with probability one half; rewards stay as they are.

    Only for environments that are symmetric: see :func:`reflection_of`.

    Args:
        buffer_size: Transitions that it holds.
        observation_space: Flat observations.
        action_space: Flat actions.
        device: Where batches go.
        n_envs: Environments side by side.
        optimize_memory_usage: As in the base class.
        observation_signs: (D,) of 1 and -1; a mirrored observation is ``signs * observation``.
        action_signs: (A,), likewise.
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
        observation_signs: NDArray[np.float32],
        action_signs: NDArray[np.float32],
    ) -> None:
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            optimize_memory_usage=optimize_memory_usage,
        )
        self._observation_signs = torch.as_tensor(observation_signs, device=self.device)
        self._action_signs = torch.as_tensor(action_signs, device=self.device)

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> ReplayBufferSamples:
        """Sample transitions, half of them mirrored on average."""
        batch = super().sample(batch_size, env)
        mirrored = torch.rand(batch_size, 1, device=self.device) < 0.5  # (N, 1)
        one = torch.ones((), device=self.device)
        observation_signs = torch.where(mirrored, self._observation_signs, one)  # (N, D)
        return batch._replace(
            observations=batch.observations * observation_signs,
            next_observations=batch.next_observations * observation_signs,
            actions=batch.actions * torch.where(mirrored, self._action_signs, one),
        )


def reflection_of(venv: VecEnv) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
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
