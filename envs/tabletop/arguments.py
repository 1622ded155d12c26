"""Checks of what a user hands to the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX, depth_view
from kibble.rewards.errors import ConfigError, FrameError

__all__ = [
    "check_dwell",
    "check_options",
    "check_size",
    "check_view",
    "check_views",
    "known_views",
    "pick",
]


def known_views(cameras: Sequence[str]) -> tuple[str, ...]:
    """Return the views of cameras and of their depth; raise a ConfigError if names collide."""
    for name in cameras:
        if name.endswith(DEPTH_SUFFIX):
            raise ConfigError(
                f"`cameras` must have names that do not end in '{DEPTH_SUFFIX}', got {name!r}; "
                "every camera has such a view already, which shows its depth."
            )
    return (*cameras, *map(depth_view, cameras))


def check_view(view: str, known: Sequence[str]) -> None:
    """Raise a FrameError if there is no such view."""
    if view not in known:
        raise FrameError(
            f"`view` must be one of {sorted(known)}, got {view!r}; "
            "pass further ones as `cameras` when the environment is made."
        )


def check_views(views: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the views as a tuple; raise a ConfigError if one is unknown or doubled, or none."""
    chosen = (views,) if isinstance(views, str) else tuple(views)
    for view in chosen:
        if view not in known:
            raise ConfigError(
                f"`views` must be among {sorted(known)}, got {view!r}; "
                "pass further ones as `cameras`."
            )
    if not chosen or len(set(chosen)) < len(chosen):
        raise ConfigError(f"`views` must be one or more different names, got {chosen}.")
    return chosen


def check_size(image_size: Sequence[int]) -> tuple[int, int]:
    """Return (height, width); raise a ConfigError if a side is missing or out of range."""
    if len(image_size) != 2 or not all(8 <= int(side) <= 4096 for side in image_size):
        raise ConfigError(
            "`image_size` must be (height, width) with sides of 8 to 4096 pixels, "
            f"got {tuple(image_size)}."
        )
    return int(image_size[0]), int(image_size[1])


def check_dwell(dwell: float) -> float:
    """Return the time that success must hold; raise a ConfigError if it is out of range."""
    if not 0.0 <= dwell <= 60.0:  # also refuses NaN
        raise ConfigError(f"`dwell` must lie in [0, 60] s, got {dwell}; 0.5 is the default.")
    return float(dwell)


def check_options(options: Mapping[str, object] | None) -> dict[str, int]:
    """Return the indices that a reset forces; raise a ConfigError if a name is not known."""
    forced = dict(options or {})
    unknown = sorted(set(forced) - {"goal", "phrasing"})
    if unknown:
        raise ConfigError(f"`options` may hold 'goal' and 'phrasing', got {unknown[0]!r}.")
    indices = {}
    for name, value in forced.items():
        if value is None:
            continue
        if not isinstance(value, int | np.integer):
            raise ConfigError(f"`{name}` must be an integer, got {value!r}.")
        indices[name] = int(value)
    return indices


def pick(name: str, index: int, count: int) -> int:
    """Return an index below a count; raise a ConfigError if it is out of range."""
    if not 0 <= index < count:
        raise ConfigError(f"`{name}` must lie in [0, {count - 1}], got {index}.")
    return index
