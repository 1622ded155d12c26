"""STARC: standardised reward comparison, which takes the dynamics into account.

A reward is canonicalised, which takes potential shaping away, divided by its norm, which takes
positive scale away, and compared: d = ½ ‖c(R₁)/‖c(R₁)‖ - c(R₂)/‖c(R₂)‖‖. Unlike EPIC's, these
canonicalisations look only at transitions that can happen.

Two canonicalisations are here. *Value-adjusted levelling*, for finite MDPs, subtracts the value of
a policy. *Minimal* canonicalisation is the least norm that shaping can bring a reward to. On
rollouts it is the only one that works: a rollout visits each of its states once, so its
Monte-Carlo values would explain every reward away, and so would a potential that is free to choose
a number for every frame. So the potentials are restricted to a span of features of the state, the
fit is by least squares over all sampled transitions, and what it removes is exactly the shaping
whose potential lies in that span.

The *absolute* reward R(s, a, s') = Φ(s') is compared, for the reason that
:mod:`kibble.rewards.metrics.epic` gives. With the constant of every scene among the features, the
mean reward of a scene is no difference: no policy can change which scene it is in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["minimal_canonical", "starc_distance", "value_canonical"]

FloatArray = NDArray[np.float64]
_ROUNDING = 1e-6


def value_canonical(
    reward: ArrayLike, *, transition: ArrayLike, policy: ArrayLike, gamma: float
) -> FloatArray:
    """Value-adjusted levelling of a reward of a finite MDP.

    c(R)(s, a, s') = E_{S' ~ τ(s, a)}[R(s, a, S') - V^π(s) + gamma V^π(S')].

    Args:
        reward: (S, A, S) R(s, a, s').
        transition: (S, A, S) τ(s' | s, a).
        policy: (S, A) π(a | s).
        gamma: Discount in [0, 1).

    Returns:
        (S, A, S), the same for every s'; linear in R; unchanged by potential shaping and by
        redistributing reward over s' with its mean kept.

    Raises:
        ValueError: If shapes do not fit or gamma is out of range.

    Source:
        Skalse et al. 2024, "STARC: A General Framework For Quantifying Differences Between Reward
        Functions".

    >>> tau = np.full((2, 1, 2), 0.5)
    >>> constant = value_canonical(
    ...     np.ones((2, 1, 2)), transition=tau, policy=np.ones((2, 1)), gamma=0.9
    ... )
    >>> bool(abs(constant).max() < 1e-12)
    True
    """
    table, tau = np.asarray(reward, np.float64), np.asarray(transition, np.float64)
    pi = np.asarray(policy, np.float64)
    if table.shape != tau.shape or tau.ndim != 3 or pi.shape != tau.shape[:2]:
        raise ValueError(
            "`reward` and `transition` must have shape (S, A, S) and `policy` (S, A), got "
            f"{table.shape}, {tau.shape} and {pi.shape}."
        )
    if not 0.0 <= gamma < 1.0:
        raise ValueError(f"`gamma` must lie in [0, 1), got {gamma}.")
    mean = np.einsum("iaj,iaj->ia", table, tau)  # E[R(s, a, S')]
    chain = np.einsum("ia,iaj->ij", pi, tau)
    value = np.linalg.solve(np.eye(len(pi)) - gamma * chain, (pi * mean).sum(axis=1))
    levelled = mean - value[:, None] + gamma * tau @ value  # (S, A)
    return np.broadcast_to(levelled[:, :, None], table.shape).copy()


def minimal_canonical(
    rewards: ArrayLike,
    *,
    features: ArrayLike,
    next_features: ArrayLike,
    gamma: float,
) -> FloatArray:
    """What shaping cannot take away from sampled rewards.

    c(R)_i = R_i + gamma ψ(s'_i)·w - ψ(s_i)·w with w = argmin Σ_i c(R)_i²: the projection of R onto
    the orthogonal complement of all shaping whose potential is linear in the features ψ. With one
    feature for each state this is the minimal canonicalisation of a finite MDP in the L2 norm of
    the sampling distribution.

    Args:
        rewards: (N,) or (N, R) rewards of N transitions; columns are canonicalised alike.
        features: (N, K) ψ(s).
        next_features: (N, K) ψ(s').
        gamma: Discount in [0, 1].

    Returns:
        Same shape as ``rewards``; linear in them, but that a rest smaller than 1e-6 of the reward,
        which is the rounding of a float32 reward, counts as zero.

    Raises:
        ValueError: If shapes do not fit or gamma is out of range.

    Source:
        Skalse et al. 2024, minimal canonicalisation.

    >>> psi, psi_next = np.array([[1.0], [2.0]]), np.array([[2.0], [0.0]])
    >>> shaping = (0.5 * psi_next - psi)[:, 0]
    >>> abs(minimal_canonical(shaping, features=psi, next_features=psi_next, gamma=0.5)).max()
    np.float64(0.0)
    """
    values = np.asarray(rewards, np.float64)
    now, later = np.asarray(features, np.float64), np.asarray(next_features, np.float64)
    if now.shape != later.shape or now.ndim != 2 or len(values) != len(now):
        raise ValueError(
            "`features` and `next_features` must have shape (N, K) for N rewards, got "
            f"{now.shape} and {later.shape} for {len(values)}."
        )
    if not 0.0 <= gamma <= 1.0:
        raise ValueError(f"`gamma` must lie in [0, 1], got {gamma}.")
    shaping = gamma * later - now
    basis, sizes, _ = np.linalg.svd(shaping, full_matrices=False)
    keep = sizes > max(shaping.shape) * np.finfo(np.float64).eps * sizes.max(initial=0.0)
    basis = basis[:, keep]  # (N, rank), orthonormal
    left: FloatArray = values - basis @ (basis.T @ values)
    rest, whole = np.linalg.norm(left, axis=0), np.linalg.norm(values, axis=0)
    return np.where(rest > _ROUNDING * whole, left, 0.0)


def starc_distance(first: ArrayLike, second: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Distance of two canonicalised rewards: ½ ‖s₁ - s₂‖, s = c / ‖c‖, or 0 where c is 0.

    ½ sqrt(2 - 2 cos θ) for two that are not zero: 0 alike, sqrt(1/2) unrelated, 1 opposite. A
    reward that is nothing but shaping has c = 0 and lies at ½ from every other one.

    Args:
        first: c(R₁), any shape.
        second: c(R₂), the same shape.
        weights: Weights of the norm, the same shape; equal by default.

    Returns:
        In [0, 1].

    Raises:
        ValueError: If shapes differ or a weight is negative.

    Source:
        Skalse et al. 2024, with the L2 norm as both the norm n and the metric m.

    >>> starc_distance([1.0, 2.0], [2.0, 4.0]), starc_distance([1.0, 0.0], [-3.0, 0.0])
    (0.0, 1.0)
    >>> round(starc_distance([0.0, 0.0], [1.0, 2.0]), 9)
    0.5
    """
    x, y = np.asarray(first, np.float64).ravel(), np.asarray(second, np.float64).ravel()
    share = np.ones(x.shape) if weights is None else np.asarray(weights, np.float64).ravel()
    if not x.shape == y.shape == share.shape or not (share >= 0.0).all():
        raise ValueError(
            "Both rewards and `weights` must have one size and weights be 0 or more, got sizes "
            f"{x.size}, {y.size} and {share.size}."
        )
    root = np.sqrt(share)
    x, y = _unit_norm(x * root), _unit_norm(y * root)
    return min(1.0, 0.5 * float(np.linalg.norm(x - y)))


def _unit_norm(values: FloatArray) -> FloatArray:
    size = float(np.linalg.norm(values))
    return values / size if size > 0.0 else np.zeros_like(values)
