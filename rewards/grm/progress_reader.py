"""From hops between the frames of an episode to its progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.grm.network import GrmNetwork
from kibble.rewards.grm.readings import READINGS, apply_hop, backward_progress, consistency_gate
from kibble.rewards.types import Episode

__all__ = ["ProgressReader", "stack_memory"]


@final
class ProgressReader:
    """Reads progress in one of the ways that :class:`GeneralRewardModel` lists.

    Args:
        network: The network whose fusion head reads hops.
        reading: One of :data:`kibble.rewards.grm.readings.READINGS`.

    Raises:
        ConfigError: If the reading is not known.
    """

    def __init__(self, network: GrmNetwork, reading: str) -> None:
        if reading not in READINGS:
            raise ConfigError(f"`reading` must be one of {', '.join(READINGS)}, got {reading!r}.")
        self.reading = reading
        self._network = network

    def __call__(
        self,
        episodes: Sequence[Episode],
        readings: Tensor,
        context: Tensor,
        absolute: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Progress (N,) float32 in [0, 1]; the episodes' running values move on.

        Args:
            episodes: N open episodes.
            readings: (N, R) readings of their newest frames.
            context: (N, hidden) contexts of the episodes.
            absolute: (N,) absolute readings of the same frames.
        """
        backward = absolute.astype(np.float64)  # (N,)
        with_goal = [i for i, episode in enumerate(episodes) if "goal" in episode.memory]
        if with_goal:
            goals = stack_memory([episodes[i] for i in with_goal], "goal")
            back = self._hop(context[with_goal], goals, readings[with_goal])
            backward[with_goal] = backward_progress(back)
        if self.reading in ("absolute", "backward"):
            for i in with_goal:
                _note_disagreement(episodes[i], absolute[i], backward[i])
        if self.reading == "absolute":
            return ((absolute + backward) / 2.0).astype(np.float32)
        if self.reading == "backward":
            return backward.astype(np.float32)
        origin = np.array([episode.memory["origin"] for episode in episodes], np.float64)
        forward = apply_hop(origin, self._hop(context, stack_memory(episodes, "start"), readings))
        for i, episode in enumerate(episodes):
            _note_disagreement(episode, forward[i], backward[i])
        if self.reading == "forward":
            return forward.astype(np.float32)
        before = np.array([episode.memory["incremental"] for episode in episodes], np.float64)
        step = self._hop(context, stack_memory(episodes, "last"), readings)
        incremental = apply_hop(before, step)
        for episode, value in zip(episodes, incremental.tolist(), strict=True):
            episode.memory["incremental"] = value
        if self.reading == "incremental":
            return incremental.astype(np.float32)
        if self.reading == "mean":
            return ((incremental + forward + backward) / 3.0).astype(np.float32)
        previous = np.array([episode.progress for episode in episodes], np.float64)
        change = apply_hop(previous, step) - previous
        return consistency_gate(previous, forward, backward, change).astype(np.float32)

    def _hop(self, context: Tensor, before: Tensor, after: Tensor) -> NDArray[np.float64]:
        """Expected hops (N,) in [-1, 1] between readings (N, R)."""
        hops = self._network.expected_hop(self._network.fuse(context, before, after).logits)
        return hops.clamp(-1.0, 1.0).double().cpu().numpy()


def _note_disagreement(episode: Episode, one: float, other: float) -> None:
    """Leave the distance of two readings of one frame for monitors."""
    episode.memory["disagreement"] = abs(float(one) - float(other))


def stack_memory(episodes: Sequence[Episode], name: str) -> Tensor:
    """Stack a tensor that every episode remembers.

    Raises:
        FrameError: If an episode does not: another model opened it.
    """
    tensors = []
    for episode in episodes:
        tensor = episode.memory.get(name)
        if not isinstance(tensor, Tensor):
            raise FrameError(
                f"Every episode must hold {name!r} in its memory, got {sorted(episode.memory)}; "
                "open episodes with this model's `begin`, one model for the whole episode."
            )
        tensors.append(tensor)
    return torch.stack(tensors)
