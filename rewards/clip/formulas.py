"""Rewards from the places of pictures and sentences on the unit sphere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ShapingError

__all__ = ["contrast", "goal_baseline_reward", "preference", "rescaled"]

_SAME = 1e-12


def goal_baseline_reward(
    x: NDArray[np.floating],
    goal: NDArray[np.floating],
    baseline: NDArray[np.floating] | None = None,
    *,
    alpha: float = 0.0,
) -> NDArray[np.float64]:
    r"""Reward of pictures for being where a sentence is, as VLM-RM defines it.

    R = 1 - ½ ‖P (x - g)‖², P = alpha·d dᵀ + (1 - alpha)·I, d = (g - b) / ‖g - b‖.

    With alpha = 0 and g of length 1 it is the cosine of x and g. With alpha = 1 only the place
    along the line from baseline to goal counts, not what else the picture shows.

    Args:
        x: (..., D) pictures, of length 1.
        goal: (D,) g, the mean of the goal sentences, each of length 1.
        baseline: (D,) b, the mean of the baseline sentences; needed if alpha is above 0.
        alpha: In [0, 1].

    Returns:
        (...) float64 in [-1, 1].

    Raises:
        ShapingError: If alpha is out of range, or is above 0 and there is no baseline other than
            the goal.

    Source:
        Rocamonde et al., "Vision-Language Models are Zero-Shot Reward Models for Reinforcement
        Learning", definition 1; github.com/AlignmentResearch/vlmrm, src/vlmrm/reward_model.py
        (the mean of several sentences is not brought back to length 1 there, nor here).

    >>> goal_baseline_reward(np.array([1.0, 0.0]), np.array([0.0, 1.0])).item()
    0.0
    """
    if not 0.0 <= alpha <= 1.0:
        raise ShapingError(f"`alpha` must lie in [0, 1], got {alpha}.")
    away = np.asarray(x, np.float64) - np.asarray(goal, np.float64)  # (..., D)
    if alpha == 0.0:
        return np.asarray(1.0 - 0.5 * np.square(away).sum(-1))
    if baseline is None:
        raise ShapingError(f"`alpha` above 0 needs a baseline, got alpha={alpha} and none.")
    line = np.asarray(goal, np.float64) - np.asarray(baseline, np.float64)
    length = float(np.linalg.norm(line))
    if length < _SAME:
        raise ShapingError(
            "Goal and baseline must differ where `alpha` is above 0, got the same place for both; "
            "describe the scene before the task is done as the baseline."
        )
    along = away @ (line / length)  # (...)
    # P leaves what is along the line whole and shrinks the rest by 1 - alpha
    aside = np.square(away).sum(-1) - np.square(along)
    rest = (1.0 - alpha) ** 2 * np.maximum(aside, 0.0)
    return np.asarray(1.0 - 0.5 * (np.square(along) + rest))


def contrast(
    x: NDArray[np.floating], negative: NDArray[np.floating], positive: NDArray[np.floating]
) -> NDArray[np.float64]:
    """How much nearer pictures are to what must not be than to what should be, as VLM-RL has it.

    z = cos(x, negative) - cos(x, positive).

    Args:
        x: (..., D) pictures, of length 1.
        negative: (D,) mean of the sentences that say what must not be, each of length 1.
        positive: (D,) mean of those that say what should be.

    Returns:
        (...) float64 in [-2, 2].

    Source:
        Huang, Sheng et al., "VLM-RL", contrasting language goals; github.com/zihaosheng/VLM-RL,
        clip/clip_reward_model.py (`forward_vlm_rl`, one sentence of each kind).

    >>> contrast(np.array([0.6, 0.8]), np.array([1.0, 0.0]), np.array([0.0, 1.0])).round(3).item()
    -0.2
    """
    difference = np.asarray(negative, np.float64) - np.asarray(positive, np.float64)
    return np.asarray(np.asarray(x, np.float64) @ difference)


def preference(
    x: NDArray[np.floating],
    wanted: NDArray[np.floating],
    other: NDArray[np.floating],
    *,
    temperature: float,
) -> NDArray[np.float64]:
    """Probability of one sentence against another, as the model's training defines it.

    P = 1 / (1 + exp(-τ (cos(x, wanted) - cos(x, other)))).

    Args:
        x: (..., D) pictures, of length 1.
        wanted: (D,) mean of sentences of length 1.
        other: (D,) mean of sentences of length 1.
        temperature: τ > 0, which the model learned: the exponential of its ``logit_scale``.

    Returns:
        (...) float64 in [0, 1].

    >>> same = np.array([1.0, 0.0])
    >>> preference(same, same, same, temperature=100.0).item()
    0.5
    """
    against = temperature * contrast(x, other, wanted)
    return np.asarray(np.exp(-np.logaddexp(0.0, against)))


def rescaled(
    values: NDArray[np.floating], low: NDArray[np.floating], high: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Put [low, high] on [0, 1] and clip what lies outside.

    ``low`` above ``high`` turns the order round. Where both are equal there is nothing between
    them: what is below is 0, the rest is 1.

    Args:
        values: (N,) values.
        low: (N,) or scalar values that become 0.
        high: (N,) or scalar values that become 1.

    >>> rescaled(np.array([0.0, 0.015, 0.3]), np.array(0.03), np.array(0.0)).tolist()
    [1.0, 0.5, 0.0]
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    width = high - low
    share = (values - low) / np.where(width == 0.0, 1.0, width)
    return np.where(width == 0.0, values >= low, share).clip(0.0, 1.0).astype(np.float64)
