"""The outer step of the blend: weights follow the gradient of the primary return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.agents.blend.config import BlendConfig

__all__ = ["OuterStep", "alignment"]

_MEMORY = 0.7


def alignment(primary: NDArray[np.floating], auxiliary: NDArray[np.floating]) -> float:
    """Return the cosine between two policy gradients, in [-1, 1]; 0 where one of them vanishes.

    After an inner step theta' = theta + alpha * (g_task + sum_k w_k g_k)(theta) the primary return
    changes with w_k, to first order in alpha, as::

        d J_task(theta') / d w_k = alpha * <grad J_task(theta), g_k(theta)>

    so its sign is that of the cosine. The implicit form of the gradient at an optimum of the inner
    problem, -grad J_task . H^-1 . g_k, is the same up to a positive factor where H is taken for
    -lambda * I, the first term of its Neumann series.

    Args:
        primary: (P,) grad J_task.
        auxiliary: (P,) g_k.

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
    """One weight's steps, held within [0, most].

    Args:
        config: Rate, decay and bounds.
        weight: The weight now.
        mean: Running mean of alignments.
        count: Alignments seen.
    """

    config: BlendConfig
    weight: float
    mean: float = 0.0
    count: int = 0

    def take(self, aligned: float | None) -> float:
        """Move by rate * (mean alignment - decay * weight); return the new weight.

        Args:
            aligned: In [-1, 1]; ``None`` where the rollout says nothing of the primary return: the
                mean found before stands.
        """
        if aligned is not None:
            self.count += 1
            self.mean += (1.0 - _MEMORY) * (aligned - self.mean)
        mean = self.mean / (1.0 - _MEMORY**self.count) if self.count else 0.0
        moved = self.weight + self.config.rate * (mean - self.config.decay * self.weight)
        self.weight = min(max(moved, 0.0), self.config.most)
        return self.weight
