"""EPIC: a distance between reward functions that shaping and positive scaling cannot change.

**What is compared on rollouts.** A progress model Φ can pay an agent in two ways. Paid as
potential-based shaping, gamma Φ(s') - Φ(s), it is in the null space of every canonicalisation
here, whatever Φ is: canonically shaped, such a reward is zero, so the distance between the shaping
terms of two models is 0/0 and says nothing about either. That is no defect of the distance:
shaping changes no optimal policy, so a bad Φ costs learning time, not the optimum, and what it
costs in time is measured by the other metrics. So the *absolute* reward is compared,
R(s, a, s') = Φ(s'), "be where progress is high", of the model with that of the oracle: what
remains of a reward model when it is optimised outright, and what decides which states an agent
would seek.

For rewards of the next state alone, E[R(x, A, S')] is the same for every x, canonical shaping
takes away the mean, and EPIC = sqrt((1 - rho) / 2) with rho Pearson's correlation of the two
readings over the coverage distribution.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["canonical_shape", "epic_distance", "pearson_distance", "state_reward_distance"]

FloatArray = NDArray[np.float64]


def canonical_shape(
    reward: ArrayLike, *, states: ArrayLike, actions: ArrayLike, gamma: float
) -> FloatArray:
    """Canonically shaped reward of a finite MDP.

    C(R)(s, a, s') = R(s, a, s') + E[gamma R(s', A, S') - R(s, A, S') - gamma R(S, A, S')], with S
    and S' drawn from ``states`` and A from ``actions``, independently.

    Args:
        reward: (S, A, S) R(s, a, s').
        states: (S,) probabilities D_S.
        actions: (A,) probabilities D_A.
        gamma: Discount in [0, 1].

    Returns:
        (S, A, S); the same for R + gamma φ(s') - φ(s) as for R.

    Raises:
        ValueError: If shapes do not fit, or gamma or a distribution is out of range.

    Source:
        Gleave et al. 2021, "Quantifying Differences in Reward Functions", section 4.

    >>> phi = np.array([0.0, 3.0])
    >>> shaping = 0.9 * phi[None, None, :] - phi[:, None, None] + np.zeros((2, 1, 2))
    >>> abs(canonical_shape(shaping, states=[0.5, 0.5], actions=[1.0], gamma=0.9)).max() < 1e-12
    np.True_
    """
    table = np.asarray(reward, np.float64)
    over_states, over_actions = _weights("states", states), _weights("actions", actions)
    if table.shape != (len(over_states), len(over_actions), len(over_states)):
        raise ValueError(
            f"`reward` must have shape (S, A, S) for {len(over_states)} states and "
            f"{len(over_actions)} actions, got {table.shape}."
        )
    if not 0.0 <= gamma <= 1.0:
        raise ValueError(f"`gamma` must lie in [0, 1], got {gamma}.")
    from_state = np.einsum("iaj,a,j->i", table, over_actions, over_states)  # E[R(x, A, S')]
    shaping = gamma * from_state[None, None, :] - from_state[:, None, None]
    shaped: FloatArray = table + shaping - gamma * float(over_states @ from_state)
    return shaped


def pearson_distance(first: ArrayLike, second: ArrayLike, weights: ArrayLike) -> float:
    """sqrt((1 - rho) / 2), rho the weighted Pearson correlation; 0 alike, 1 opposite.

    Where one of them is constant, rho is not defined and counts as 0: sqrt(1/2), as for unrelated
    ones.

    Args:
        first: Values, any shape.
        second: Values, the same shape.
        weights: Probabilities, the same shape.

    Returns:
        In [0, 1].

    Source:
        Gleave et al. 2021, section 4, the Pearson distance.

    >>> round(pearson_distance([0, 1, 2], [5, 7, 9], [1 / 3] * 3), 9)
    0.0
    """
    x, y = (np.asarray(values, np.float64).ravel() for values in (first, second))
    share = _weights("weights", weights)
    if not x.shape == y.shape == share.shape:
        raise ValueError(
            f"Both rewards and `weights` must have one size, got {x.size}, {y.size}, {share.size}."
        )
    x, y = x - share @ x, y - share @ y
    # a variance below rounding of the values is none
    scales = [float(np.sqrt(share @ (z * z))) for z in (x, y)]
    sizes = [1e-12 * float(np.abs(np.asarray(v)).max(initial=0.0)) for v in (first, second)]
    if any(scale <= size for scale, size in zip(scales, sizes, strict=True)):
        return float(np.sqrt(0.5))
    x, y = x / scales[0], y / scales[1]
    # (1 - rho) / 2 = E[(x - y)²] / 4 without the cancellation of 1 - rho near 1
    return min(1.0, 0.5 * float(np.sqrt(share @ (x - y) ** 2)))


def epic_distance(
    first: ArrayLike,
    second: ArrayLike,
    *,
    states: ArrayLike,
    actions: ArrayLike,
    gamma: float,
    coverage: ArrayLike | None = None,
) -> float:
    """EPIC distance of two rewards of a finite MDP.

    D = sqrt((1 - rho(C(R₁), C(R₂))) / 2), the correlation being over ``coverage``.

    Args:
        first: (S, A, S) R₁.
        second: (S, A, S) R₂.
        states: (S,) probabilities D_S.
        actions: (A,) probabilities D_A.
        gamma: Discount in [0, 1].
        coverage: (S, A, S) probabilities of transitions, or ``None`` for D_S x D_A x D_S.

    Returns:
        In [0, 1]; 0 where R₂ = c R₁ + gamma φ(s') - φ(s) + b with c > 0.

    Source:
        Gleave et al. 2021, section 4, EPIC.
    """
    shaped = [
        canonical_shape(reward, states=states, actions=actions, gamma=gamma)
        for reward in (first, second)
    ]
    if coverage is None:
        d_s, d_a = np.asarray(states, np.float64), np.asarray(actions, np.float64)
        coverage = d_s[:, None, None] * d_a[None, :, None] * d_s[None, None, :]
    return pearson_distance(shaped[0], shaped[1], coverage)


def state_reward_distance(first: ArrayLike, second: ArrayLike) -> float:
    """EPIC distance of two rewards of the next state alone, over sampled transitions.

    Args:
        first: (N,) R₁(s') at the end of each sampled transition.
        second: (N,) R₂(s') there.

    Returns:
        sqrt((1 - rho) / 2) in [0, 1]; see the module.

    Raises:
        ValueError: If sizes differ or there is no transition.

    Source:
        Gleave et al. 2021; for goal rewards also Rocamonde et al. 2023, "Vision-Language Models
        are Zero-Shot Reward Models for Reinforcement Learning", lemma 1.

    >>> state_reward_distance([0.0, 0.5, 1.0], [0.1, 0.2, 0.3]) < 1e-12
    True
    """
    count = np.size(first)
    if count == 0:
        raise ValueError("The distance needs sampled transitions, got none.")
    return pearson_distance(first, second, np.full(count, 1.0 / count))


def _weights(name: str, values: ArrayLike) -> FloatArray:
    weights = np.asarray(values, np.float64).ravel()
    if not (weights >= 0.0).all() or not np.isclose(weights.sum(), 1.0):
        raise ValueError(
            f"`{name}` must be probabilities that sum to 1, got a sum of {weights.sum()}."
        )
    return weights
