"""Refuse an unknown name and say which known one was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from kibble.rewards.errors import ConfigError

__all__ = ["one_of"]


def one_of(key: str, value: str, known: Sequence[str]) -> str:
    """Return ``value`` if it is known.

    Raises:
        ConfigError: If it is not; the text names the nearest known value.

    >>> one_of("agent.name", "sac", ("sac", "ppo"))
    'sac'
    """
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ConfigError(f"`{key}` must be one of {', '.join(known)}, got {value!r}{hint}")
