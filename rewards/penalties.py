"""Soft penalties and hard infractions that an environment reports in its ``info``."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kibble.rewards.errors import ShapingError

__all__ = ["read_infraction", "read_penalty"]


def read_penalty(info: Mapping[str, object]) -> float:
    """Return the product of the soft penalty factors of ``info["penalties"]``, in [0, 1].

    Args:
        info: Of one step. ``penalties`` maps a name to a factor in [0, 1]; 1 is no penalty.

    Returns:
        The product; 1 where there are none.

    Raises:
        ShapingError: If it is not such a mapping.

    >>> read_penalty({"penalties": {"speed": 0.5, "comfort": 0.8}})
    0.4
    """
    penalties = info.get("penalties", {})
    if not isinstance(penalties, Mapping):
        raise ShapingError(
            "`info['penalties']` must map names to factors in [0, 1], got "
            f"{penalties!r}; write for example {{'speed': 0.5}}."
        )
    for name, factor in penalties.items():
        if not 0.0 <= factor <= 1.0:  # also refuses NaN
            raise ShapingError(
                f"The penalty {name!r} must be a factor in [0, 1], got {factor}; "
                "1 is no penalty and 0 takes the whole gain."
            )
    return math.prod(float(factor) for factor in penalties.values())


def read_infraction(info: Mapping[str, object]) -> bool:
    """Return ``info["infraction"]``: whether the step was a hard infraction; else False."""
    return bool(info.get("infraction", False))
