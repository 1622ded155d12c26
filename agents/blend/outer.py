"""The outer step of the blend: weights follow the gradient of the primary return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.agents.blend.config import BlendConfig

__all__ = ["OuterStep", "alignment"]

_FIRST, _SECOND, _FLOOR = 0.8, 0.95, 0.02


def alignment(primary: NDArray[np.floating], auxiliary: NDArray[np.floating]) -> float:
    """Return the cosine between two policy gradients, in [-1, 1]; 0 where one of them vanishes.

    After one inner step theta' = theta + alpha * (g_task + sum_k w_k g_k)(theta) the primary
    return changes with w_k as::

        d J_task(theta') / d w_k = alpha * <grad J_task(theta'), g_k(theta)>

    so its sign is that of the cosine. The implicit form of the gradient at an optimum of the inner
    problem, -grad J_task . H^-1 . g_k, is the same up to a positive factor where H is taken for
    -lambda * I, the first term of its Neumann series.

    Args:
        primary: (P,) grad J_task at the new parameters.
        auxiliary: (P,) g_k at the old ones.

    Source:
        Gupta et al. 2023, "Behavior Alignment via Reward Function Optimization" (BARFI),
        section 4; the one-step unroll as in Zheng et al. 2018, "On Learning Intrinsic Rewards for
        Policy Gradient Methods".

    >>> alignment(np.array([1.0, 0.0]), np.array([-2.0, 0.0]))
    -1.0
    """
    size = float(np.linalg.norm(primary)) * float(np.linalg.norm(auxiliary))
    return float(np.dot(primary, auxiliary)) / size if size > 0.0 else 0.0


@final
@dataclass(slots=True, kw_only=True)
class OuterStep:
    """One weight's Adam, held within [0, most].

    Args:
        config: Rate, decay and bounds.
        weight: The weight now.
        mean: Running mean of alignments.
        square: Running mean of their squares.
        count: Steps taken.
    """

    config: BlendConfig
    weight: float
    mean: float = 0.0
    square: float = 0.0
    count: int = field(default=0)

    def take(self, aligned: float) -> float:
        """Take a step along an alignment, in [-1, 1]; return the new weight.

        The mean is divided by the root of the mean square, which is not taken for less than 0.02:
        alignments that are all nearly 0 move nothing.
        """
        self.count += 1
        self.mean += (1.0 - _FIRST) * (aligned - self.mean)
        self.square += (1.0 - _SECOND) * (aligned**2 - self.square)
        mean = self.mean / (1.0 - _FIRST**self.count)
        root = (self.square / (1.0 - _SECOND**self.count)) ** 0.5
        direction = mean / max(root, _FLOOR)
        config = self.config
        moved = self.weight + config.rate * (direction - config.decay * self.weight)
        self.weight = min(max(moved, 0.0), config.most)
        return self.weight
