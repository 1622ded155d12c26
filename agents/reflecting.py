"""Batches of transitions seen in mirrors, where the environment is symmetric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from kibble.envs.tabletop.reflections import Reflection

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

__all__ = ["Reflecting", "reflecting_of"]


@final
class Reflecting:
    """Shows each transition of a batch as it is or in one of several mirrors, drawn at random.

    Rewards stay as they are.

    Args:
        reflections: At least one, for scaled observations as the agent sees them.
        device: Where batches are.

    Source:
        Lin et al. 2020, "Invariant Transform Experience Replay: Data Augmentation for Deep
        Reinforcement Learning".
    """

    def __init__(self, reflections: Sequence[Reflection], *, device: torch.device) -> None:
        def stacked(signs: list[np.ndarray]) -> torch.Tensor:
            rows = np.stack([np.ones_like(signs[0]), *signs])  # (G, D)
            return torch.as_tensor(rows, device=device)

        self._observation_signs = stacked([signs for signs, _ in reflections])
        self._action_signs = stacked([signs for _, signs in reflections])

    def reflected(self, batch: ReplayBufferSamples) -> ReplayBufferSamples:
        """Return the N transitions, each in a mirror of its own."""
        device = self._action_signs.device
        drawn = torch.randint(len(self._action_signs), (len(batch.actions),), device=device)
        signs = self._observation_signs[drawn]  # (N, D)
        return batch._replace(
            observations=batch.observations * signs,
            next_observations=batch.next_observations * signs,
            actions=batch.actions * self._action_signs[drawn],
        )


def reflecting_of(venv: VecEnv, *, device: torch.device) -> Reflecting | None:
    """Return what mirrors the agent's transitions, or None where the environment has no symmetry.

    The environment must offer ``reflections``, pairs of signs for observations, measured from the
    middle of their bounds, and for actions.
    """
    if not venv.has_attr("reflections"):
        return None
    found: Sequence[Reflection] = venv.get_attr("reflections", indices=0)[0]
    if not found or found[0][0].shape != venv.observation_space.shape:
        return None  # the agent observes something else than the state
    return Reflecting(found, device=device)
