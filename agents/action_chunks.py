"""Actions chosen k at once: one decision of the agent is k steps of the environment."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, SupportsFloat, cast, final

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from kibble.agents.agent_config import AgentConfig
from kibble.envs.tabletop.reflections import Reflection
from kibble.rewards.errors import ConfigError
from kibble.rewards.signals import Signals

if TYPE_CHECKING:
    from kibble.agents.demonstrated import Transitions

__all__ = ["ActionChunks", "chunk_signals", "chunk_transitions", "done_and_earned", "in_chunks"]

Env = gym.Env[object, object]
Info = dict[str, object]

_AFTER = (
    *("next_phi", "next_weight", "terminated", "truncated", "queried", "next_progress"),
    *("success", "confidence", "recent"),
)
"""Columns that a chunk takes from its last step; the others are those of its first."""


@final
class ActionChunks(gym.Wrapper[object, object, object, object]):
    """Takes k actions at once and does them one after another.

    A step pays ``sum_i gamma^i r_i``, i < k, so an agent that discounts by ``gamma^k`` maximises
    the same return as one that decides at every step. A potential read before and after the step
    then shapes by ``gamma^k Phi(s_k) - Phi(s_0)``, which is what the steps' own terms
    ``gamma Phi(s_{i+1}) - Phi(s_i)`` add up to under ``gamma^i``.

    A chunk ends early with the episode. Where a time limit cuts it after j < k steps, what follows
    is discounted by ``gamma^k`` all the same, of value and potential alike.

    ``info["chunk"]`` holds the ``steps`` that were done and the undiscounted ``return`` of the
    task; penalties multiply, and an infraction in any step is one of the chunk.

    Args:
        env: An environment with flat continuous actions, time limit included.
        chunk: k, at least 1.
        gamma: Discount of one step, in [0, 1].

    Raises:
        ConfigError: If actions are not a flat Box.

    Source:
        Li et al. 2025, "Reinforcement Learning with Action Chunking", equation 4.
    """

    def __init__(self, env: Env, *, chunk: int, gamma: float) -> None:
        super().__init__(env)
        space = env.action_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise ConfigError(
                f"`agent.chunk` needs flat continuous actions, got {space}; leave it at 1."
            )
        self._chunk = chunk
        self._gamma = gamma
        self._width = space.shape[0]
        self.action_space = spaces.Box(
            np.tile(space.low, chunk), np.tile(space.high, chunk), dtype=np.float32
        )

    @property
    def reflections(self) -> tuple[Reflection, ...]:
        """Mirror images of a transition, where the environment has any; see the tabletop's."""
        found: tuple[Reflection, ...] = self.env.get_wrapper_attr("reflections")
        return tuple((seen, np.tile(acted, self._chunk)) for seen, acted in found)

    def step(self, action: object) -> tuple[object, SupportsFloat, bool, bool, Info]:
        """Do the actions of a chunk, (k A,) float32, or as many as the episode still has."""
        paid = earned = 0.0
        steps = 0
        penalties: dict[str, float] = {}
        infraction = False
        for row in np.asarray(action, np.float32).reshape(self._chunk, self._width):
            observation, reward, terminated, truncated, info = self.env.step(row)
            paid += self._gamma**steps * float(reward)
            earned += float(reward)
            steps += 1
            for name, factor in cast("dict[str, float]", info.get("penalties", {})).items():
                penalties[name] = penalties.get(name, 1.0) * factor
            infraction |= bool(info.get("infraction", False))
            if terminated or truncated:
                break
        info = {**info, "chunk": {"steps": steps, "return": earned}}
        if penalties:
            info["penalties"] = penalties
        if infraction:
            info["infraction"] = True
        return observation, paid, terminated, truncated, info


def in_chunks(env: Env, agent: AgentConfig) -> Env:
    """Wrap an environment where the agent chooses more than one action at once."""
    if agent.chunk == 1:
        return env
    return ActionChunks(env, chunk=agent.chunk, gamma=agent.gamma)


def chunk_signals(signals: Signals, *, chunk: int, gamma: float) -> Signals:
    """Turn the T steps of one episode into the T chunks that begin at each of them.

    Args:
        signals: T steps of one episode, in order.
        chunk: k; chunks that begin less than k steps before the end are shorter.
        gamma: Discount of one step.

    Returns:
        T transitions from the state before step t to the state after step min(t + k, T) - 1.
    """
    count = len(signals)
    first = np.arange(count)
    last = np.minimum(first + chunk, count) - 1  # (T,)
    after = signals[last]
    task = np.zeros(count)
    penalty = np.ones(count)
    infraction = np.zeros(count, np.bool_)
    for offset in range(chunk):
        inside = first + offset < count
        task[inside] += gamma**offset * signals.task[offset:]
        penalty[inside] *= signals.penalty[offset:]
        infraction[inside] |= signals.infraction[offset:]
    return dataclasses.replace(
        signals,
        task=task,
        penalty=penalty,
        infraction=infraction,
        **{name: getattr(after, name) for name in _AFTER},
    )


def chunk_transitions(
    transitions: Transitions, lengths: list[int], *, chunk: int, gamma: float
) -> Transitions:
    """Turn the steps of demonstrations into chunks that begin at every step.

    A chunk that reaches past the end of its episode repeats the last action.

    Args:
        transitions: M steps, episodes one after another.
        lengths: Steps of each episode.
        chunk: k.
        gamma: Discount of one step.

    Returns:
        M transitions whose actions are (M, k A).
    """
    if chunk == 1:
        return transitions
    ends = np.cumsum(lengths)
    signals, last, actions = [], [], []
    for begin, end in zip(ends - lengths, ends, strict=True):
        rows = np.arange(begin, end)
        signals.append(chunk_signals(transitions.signals[rows], chunk=chunk, gamma=gamma))
        last.append(np.minimum(rows + chunk, end) - 1)
        within = np.minimum(rows[:, None] + np.arange(chunk), end - 1)  # (T, k)
        actions.append(transitions.actions[within].reshape(len(rows), -1))
    return dataclasses.replace(
        transitions,
        next_observations=transitions.next_observations[np.concatenate(last)],
        actions=np.concatenate(actions).astype(np.float32),
        signals=Signals.stack(signals),
    )


def done_and_earned(info: Info, reward: float) -> tuple[int, float]:
    """Return the steps of the environment that a decision took, and their undiscounted reward.

    Args:
        info: What came with the decision.
        reward: What the task paid, where the decision was one step.
    """
    chunk = cast("dict[str, float] | None", info.get("chunk"))
    return (1, reward) if chunk is None else (int(chunk["steps"]), float(chunk["return"]))
