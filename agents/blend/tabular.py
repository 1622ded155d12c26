"""The learned blend in a finite process, exactly: no sampling, no networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.tabular import FiniteMDP, evaluate_policy

__all__ = ["BlendedPolicy", "learn_blend", "policy_gradient", "softmax", "start_return"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlendedPolicy:
    """What the exact blend ended with.

    Args:
        logits: (S, A) float64 of the softmax policy.
        weights: (steps + 1,) float64, the weight of the auxiliary reward before each step and at
            the end.
        returns: (steps + 1,) float64, the primary return likewise.
    """

    logits: FloatArray
    weights: FloatArray
    returns: FloatArray


def softmax(logits: FloatArray) -> FloatArray:
    """Return the policy (S, A) of logits (S, A).

    >>> softmax(np.zeros((1, 2)))
    array([[0.5, 0.5]])
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def start_return(mdp: FiniteMDP, logits: FloatArray, *, gamma: float) -> float:
    """Return J, the discounted return of the softmax policy from the first state."""
    return float(mdp.start @ evaluate_policy(mdp, softmax(logits), gamma=gamma))


def policy_gradient(mdp: FiniteMDP, logits: FloatArray, *, gamma: float) -> FloatArray:
    """Return dJ / d logits, (S, A): d(s) * pi(a | s) * (Q(s, a) - V(s)), d discounted visits.

    Source:
        Sutton et al. 2000, "Policy Gradient Methods", theorem 1.
    """
    policy = softmax(logits)
    value = evaluate_policy(mdp, policy, gamma=gamma)
    gain = mdp.reward + gamma * np.where(mdp.terminal, 0.0, value)
    action_value = np.einsum("iaj,iaj->ia", mdp.transition, gain)
    alive = ~mdp.terminal
    chain = np.einsum("ia,iaj->ij", policy, mdp.transition)[np.ix_(alive, alive)]
    visits = np.zeros(mdp.states)
    visits[alive] = np.linalg.solve(np.eye(int(alive.sum())) - gamma * chain.T, mdp.start[alive])
    return np.asarray(visits[:, None] * policy * (action_value - value[:, None]))


def learn_blend(
    mdp: FiniteMDP,
    auxiliary: FloatArray,
    *,
    gamma: float,
    steps: int,
    rate: float = 1.0,
    weight: float = 1.0,
    weight_rate: float = 1.0,
) -> BlendedPolicy:
    """Climb J of ``task + w * auxiliary`` while w climbs J of ``task`` after each inner step.

    Inner: theta' = theta + rate * grad J_w(theta). Outer: w moves along
    d J_task(theta') / d w = rate * <grad J_task(theta'), grad J_auxiliary(theta)>, within [0, 1].

    Args:
        mdp: The process with its primary reward.
        auxiliary: (S, A, S) auxiliary reward.
        gamma: Discount in [0, 1).
        steps: Inner steps, an outer one after each.
        rate: Step size of the policy.
        weight: w at first.
        weight_rate: Step size of w; 0 keeps it.

    Source:
        Gupta et al. 2023 (BARFI), the bi-level objective; unrolled by one step.
    """
    bonus = FiniteMDP(
        transition=mdp.transition, reward=auxiliary, terminal=mdp.terminal, start=mdp.start
    )
    logits = np.zeros((mdp.states, mdp.actions))
    weights, returns = [weight], [start_return(mdp, logits, gamma=gamma)]
    for _ in range(steps):
        ascent = policy_gradient(bonus, logits, gamma=gamma)
        logits = logits + rate * (policy_gradient(mdp, logits, gamma=gamma) + weight * ascent)
        outer = rate * float((policy_gradient(mdp, logits, gamma=gamma) * ascent).sum())
        weight = float(np.clip(weight + weight_rate * outer, 0.0, 1.0))
        weights.append(weight)
        returns.append(start_return(mdp, logits, gamma=gamma))
    return BlendedPolicy(logits=logits, weights=np.array(weights), returns=np.array(returns))
