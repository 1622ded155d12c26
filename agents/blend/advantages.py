"""Advantages of several rewards at once, each with a value function of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["stream_advantages"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def stream_advantages(
    rewards: Floats,
    features: Floats,
    last_features: Floats,
    *,
    terminated: Flags,
    truncated: Flags,
    gamma: float,
    gae_lambda: float,
    ridge: float = 1e-2,
) -> Floats:
    """Return generalised advantages of K rewards over one rollout.

    The value of each reward is linear in the features, by least-squares temporal differences on
    the rollout itself: w = (sum phi (phi - gamma phi')^T + ridge N I)^-1 sum phi r, phi' = 0 where
    terminated. A step that a time limit cut has no phi' here; it is left out of the fit, and the
    value of the state before stands for that of the state after.

    Args:
        rewards: (K, T, N).
        features: (T, N, F) of the state before each step.
        last_features: (N, F) of the states after the last step.
        terminated: (T, N).
        truncated: (T, N).
        gamma: Discount in [0, 1].
        gae_lambda: In [0, 1].
        ridge: Above 0.

    Returns:
        (K, T, N) float64, of mean 0 for each reward.

    Source:
        Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage
        Estimation", equation 16; Bradtke and Barto 1996 for the fit.
    """
    steps, slots = terminated.shape
    ones = np.ones((steps + 1, slots, 1))
    states = np.concatenate([np.concatenate([features, last_features[None]]), ones], axis=2)
    before = states[:-1]  # (T, N, F + 1)
    after = np.where(terminated[:, :, None], 0.0, states[1:])
    after = np.where(truncated[:, :, None], before, after)
    known = ~truncated
    phi, rest = before[known], before[known] - gamma * after[known]
    matrix = phi.T @ rest / len(phi) + ridge * np.eye(phi.shape[1])
    right = phi.T @ rewards[:, known].T / len(phi)  # (F + 1, K)
    heads = np.linalg.solve(matrix, right)
    value, next_value = before @ heads, after @ heads  # (T, N, K)
    delta = np.moveaxis(rewards, 0, -1) + gamma * next_value - value
    going_on = ~(terminated | truncated)
    advantages = np.zeros_like(delta)
    running = np.zeros(delta.shape[1:])
    for t in reversed(range(steps)):
        running = delta[t] + gamma * gae_lambda * going_on[t, :, None] * running
        advantages[t] = running
    advantages -= advantages.mean(axis=(0, 1))
    return np.moveaxis(advantages, -1, 0)
