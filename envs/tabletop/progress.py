"""Pure functions from distances to progress.

The oracle's progress is absolute geometry of the present state. Its parts fall smoothly with the
length of the way that is left, so that every motion along that way raises it.
"""

from __future__ import annotations

import math

__all__ = ["closeness", "detour"]


def closeness(distance: float, *, tolerance: float, length: float) -> float:
    r"""Return :math:`\exp(-\max(0, d - t) / l)`, 1 within the tolerance.

    Args:
        distance: Distance or length of way left, m, >= 0.
        tolerance: Distance that counts as there, m, >= 0.
        length: Distance over which the value falls by e, m, > 0.

    Returns:
        A value in (0, 1].

    >>> closeness(0.02, tolerance=0.02, length=0.1)
    1.0
    >>> round(closeness(0.12, tolerance=0.02, length=0.1), 3)
    0.368
    """
    return math.exp(-max(0.0, distance - tolerance) / length)


def detour(
    horizontal: float, above: float, *, clearance: float, inner: float = 0.015, outer: float = 0.08
) -> float:
    """Return the way left to a point that must be entered from above.

    Far from the point the way leads at ``clearance`` over it; within ``inner`` it leads straight
    down; between ``inner`` and ``outer`` along a cone. Too low costs the full height that is
    missing, too high a part of the excess, so that moving in at a constant height never costs.

    Args:
        horizontal: Horizontal distance to the point, m, >= 0.
        above: Height above the point, m.
        clearance: Height above the point that clears what stands around it, m, at most
            ``outer - inner``.
        inner: Radius of the column above the point, m.
        outer: Radius beyond which the full clearance is due, m.

    Returns:
        The length of the way, m, >= 0; 0 at the point alone.

    >>> detour(0.0, 0.0, clearance=0.05)
    0.0
    >>> round(detour(0.2, 0.05, clearance=0.05), 3) < round(detour(0.2, 0.0, clearance=0.05), 3)
    True
    """
    share = min(max((horizontal - inner) / (outer - inner), 0.0), 1.0)
    excess = above - clearance * share
    return horizontal + (0.6 * excess if excess > 0.0 else -excess)
