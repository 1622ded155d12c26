"""Random finite processes, and what the project's own rule pays in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kibble.rewards.rule import ShapingRule, total
from kibble.rewards.signals import Signals
from kibble.rewards.tabular import FiniteMDP


def random_process(seed: int, *, states: int = 5, actions: int = 3, tied: bool = False):
    """A random process; `tied`: it is certain what an action does, and a state is worth 0 or 1.

    Most have terminal states, so that episodes end after different numbers of steps.
    """
    rng = np.random.default_rng(seed)
    shape = (states, actions, states)
    if tied:
        transition = np.eye(states)[rng.integers(states, size=shape[:2])]
        reward = np.broadcast_to(rng.integers(0, 2, size=states).astype(float), shape).copy()
    else:
        few = rng.dirichlet(np.full(states, 0.4), size=shape[:2])
        transition = np.where(few > 0.05, few, 0.0)
        transition /= transition.sum(axis=2, keepdims=True)
        reward = rng.normal(size=shape)
    terminal = rng.random(states) < 0.3
    terminal[0] = False
    start = np.zeros(states)
    start[0] = 1.0
    return FiniteMDP(transition=transition, reward=reward, terminal=terminal, start=start)


def paid(
    mdp: FiniteMDP,
    phi: np.ndarray,
    next_phi: np.ndarray,
    *,
    gamma: float,
    mode: str = "potential",
    terminated: np.ndarray | bool | None = None,
    weight: float = 1.0,
    next_weight: float = 1.0,
) -> np.ndarray:
    """Return (S, A, S) of what :class:`ShapingRule` pays for each transition.

    Args:
        mdp: The process.
        phi: Phi(s), (S,).
        next_phi: Phi(s'), (S,).
        gamma: The rule's.
        mode: The rule's.
        terminated: Whether s' is terminal, (S,), or one for all; by default as it is.
        weight: In force at s.
        next_weight: In force at s'.
    """
    shape = mdp.transition.shape
    ends = mdp.terminal if terminated is None else terminated
    sparse = Signals.sparse(
        mdp.reward.ravel(),
        np.broadcast_to(ends, shape).ravel(),
        np.zeros(mdp.reward.size, bool),
    )
    signals = replace(
        sparse,
        phi=np.broadcast_to(phi[:, None, None], shape).ravel(),
        next_phi=np.broadcast_to(next_phi, shape).ravel(),
        weight=np.full(len(sparse), weight),
        next_weight=np.full(len(sparse), next_weight),
        queried=np.ones(len(sparse), bool),
    )
    return total(ShapingRule(gamma=gamma, mode=mode)(signals)).reshape(shape)


def with_reward(mdp: FiniteMDP, reward: np.ndarray) -> FiniteMDP:
    return replace(mdp, reward=reward)
