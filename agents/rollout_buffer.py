"""A rollout buffer for PPO that keeps signals and derives rewards before advantages."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer

from kibble.agents.scoring.kept_signals import KeptSignals
from kibble.agents.scoring.source import SignalSource
from kibble.rewards.signals import Signals

__all__ = ["PotentialRolloutBuffer"]


@final
class PotentialRolloutBuffer(RolloutBuffer):
    """Keeps what rewards are made of, with the model's version; scores all frames of a rollout.

    PPO adds gamma * V(s') to the reward of a step that a time limit cut, before it stores it. That
    term is kept apart, see :class:`kibble.agents.scoring.kept_signals.KeptSignals`, so it is the
    same whether the shaped reward was known by then or not.

    Use it as ``rollout_buffer_class`` and call :meth:`follow` when the algorithm is made; until
    then it stores rewards as they are given.
    """

    kept: KeptSignals | None = None

    def follow(self, source: SignalSource) -> None:
        """Derive rewards from the signals of a source from here on."""
        self.kept = KeptSignals(source, rows=self.buffer_size, slots=self.n_envs)

    def reset(self) -> None:
        """Begin an empty rollout."""
        super().reset()
        if self.kept is not None:
            self.kept.clear()

    def add(
        self,
        obs: NDArray[Any],
        action: NDArray[Any],
        reward: NDArray[Any],
        episode_start: NDArray[Any],
        value: torch.Tensor,
        log_prob: torch.Tensor,
    ) -> None:
        """Add a step of all environments."""
        if self.kept is not None:
            self.kept.add(self.pos, reward)
        super().add(obs, action, reward, episode_start, value, log_prob)

    def compute_returns_and_advantage(
        self, last_values: torch.Tensor, dones: NDArray[Any]
    ) -> None:
        """Score what waits, derive the rewards, and compute advantages and returns."""
        if self.kept is not None:
            rows, slots = self._places()
            self.rewards[:] = self.kept.rewards(rows, slots).reshape(self.rewards.shape)
        super().compute_returns_and_advantage(last_values, dones)

    def signals(self) -> Signals:
        """Return the signals of the whole rollout, T * N transitions, step by step."""
        assert self.kept is not None, "a buffer has signals once it follows a source"
        return self.kept.signals(*self._places())

    def _places(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return row and slot of every transition, step by step."""
        rows, slots = np.indices((self.buffer_size, self.n_envs))
        return rows.ravel(), slots.ravel()
