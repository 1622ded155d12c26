"""From the stage of a way and the distance to its next waypoint to a potential.

    potential = (k + closeness) / K

with k waypoints of K reached. A stage's distances are measured against its length, the distance at
which it was entered, so that its closeness begins at 0 where the one before it has ended: the
potential is continuous there, and as long as the stage lasts it is never below k / K.
"""

from __future__ import annotations

import math

from kibble.rewards.errors import ConfigError

__all__ = ["closeness", "path_potential", "success_probability"]

_SUCCESS_AT = 1.5  # tolerances at which success is as likely as not
_SUCCESS_WIDTH = 0.25  # tolerances within which that changes by the factor e


def closeness(distance: float, *, length: float, tolerance: float) -> float:
    r"""Return how near a waypoint is, smoothly: 1 within the tolerance, 0 at the length.

    .. math:: 1 - h(d) / h(L), \quad h(d) = \sqrt{\max(0, d - t)^2 + t^2} - t

    h is Huber's smooth distance: its slope is 0 where the tolerance begins and soon the same
    everywhere, so that neither a step nor a plateau is left on the way.

    Args:
        distance: From the mover to the waypoint, >= 0, in m, pixels or blocks.
        length: Distance at which the closeness is 0, above the tolerance, same unit.
        tolerance: Distance that counts as there, > 0, same unit.

    Returns:
        A value in [0, 1].

    Raises:
        ConfigError: If the length is not above the tolerance, or that not above 0.

    >>> closeness(0.02, length=0.2, tolerance=0.02), closeness(0.3, length=0.2, tolerance=0.02)
    (1.0, 0.0)
    >>> round(closeness(0.11, length=0.2, tolerance=0.02), 3)
    0.552
    """
    if not 0.0 < tolerance < length:
        raise ConfigError(
            f"`tolerance` must lie between 0 and `length`, got {tolerance} and {length}."
        )
    left, whole = (
        math.hypot(max(0.0, far - tolerance), tolerance) - tolerance for far in (distance, length)
    )
    return max(0.0, 1.0 - left / whole)


def path_potential(reached: int, stages: int, near: float) -> float:
    """Return (k + closeness) / K.

    Args:
        reached: Waypoints that were reached, k in [0, K].
        stages: Waypoints in all, K >= 1.
        near: Closeness of the next one, in [0, 1]; counts for nothing where all were reached.

    Returns:
        A value in [0, 1].

    Source:
        A reward along waypoints that a language model proposes: KAGI (Lee et al. 2024, arXiv
        2407.10341), where it is paid outright; here it is a potential.

    >>> path_potential(1, 4, 0.5), path_potential(4, 4, 0.0)
    (0.375, 1.0)
    """
    return 1.0 if reached >= stages else (reached + near) / stages


def success_probability(distance: float, *, tolerance: float) -> float:
    """Return how likely the task is done, by the distance to the last waypoint alone.

    A logistic curve: 0.5 at one and a half tolerances, 0.88 at one, 0.98 at a half, 0.12 at two.

    Args:
        distance: From the mover to the last waypoint, >= 0.
        tolerance: Distance that counts as there, > 0, same unit.

    >>> [round(success_probability(d, tolerance=2.0), 2) for d in (1.0, 2.0, 3.0, 4.0)]
    [0.98, 0.88, 0.5, 0.12]
    """
    exponent = (distance / tolerance - _SUCCESS_AT) / _SUCCESS_WIDTH
    return 1.0 / (1.0 + math.exp(min(exponent, 700.0)))
