"""Mirror images of the table under which what happened on it stays true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reflection", "reflections"]

Reflection = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Signs, (D,) and (A,). An observation, measured from the middle of its bounds, is mirrored by
``signs * observation``, an action likewise."""


def reflections(observations: Sequence[str], actions: Sequence[str]) -> tuple[Reflection, ...]:
    """Return the reflections left to right, front to back, and both.

    Entries are told by their names: ``…_x`` and ``…_y`` are parts of a vector in the plane of the
    table; all others stay as they are.

    >>> [signs.tolist() for signs, _ in reflections(["at_x", "at_y", "at_z"], ["by_x"])]
    [[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0], [-1.0, -1.0, 1.0]]
    """
    return tuple(
        (_signs(observations, flipped), _signs(actions, flipped))
        for flipped in (("_y",), ("_x",), ("_x", "_y"))
    )


def _signs(names: Sequence[str], flipped: tuple[str, ...]) -> NDArray[np.float32]:
    return np.array([-1.0 if name.endswith(flipped) else 1.0 for name in names], np.float32)
