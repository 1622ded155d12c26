"""The spec of a published model, its version made of all options that change an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.types import ModelSpec
from kibble.rewards.vlm.opening import BackendOptions

__all__ = ["layout_spec"]

_SPEED_AND_PLACE = frozenset(field.name for field in fields(BackendOptions))
_FORMAT = 2  # raised when a layout reads otherwise with the same options


def layout_spec(
    card: ModelCard,
    options: Any,
    *,
    views: Sequence[str],
    required_views: Sequence[str] | None = None,
    needs_goal: bool = False,
    weights: str = "",
) -> ModelSpec:
    """Return the spec of a model that takes frames as they come.

    Args:
        card: What is known of it.
        options: Its options, a dataclass. Those that every generative model has say where and how
            fast it runs, and are no part of the version.
        views: Views that it reads.
        required_views: Those of them that it cannot do without; all by default.
        needs_goal: Whether the task needs a picture of its end.
        weights: Fingerprint of weights that are the layout's own.

    >>> from kibble.rewards.adapters import topreward
    >>> some, other = (
    ...     layout_spec(topreward.CARD, topreward.Options(low=low, batch=batch), views=["front"])
    ...     for low, batch in ((-25.0, 8), (-25.0, 1))
    ... )
    >>> third = layout_spec(topreward.CARD, topreward.Options(low=-9.0), views=["front"])
    >>> some.version == other.version, some.version == third.version
    (True, False)
    """
    settings = [
        (field.name, getattr(options, field.name))
        for field in fields(options)
        if field.name not in _SPEED_AND_PLACE
    ]
    content = repr((_FORMAT, card.name, settings, weights)).encode()
    return ModelSpec(
        name=card.name,
        version=hashlib.sha256(content).hexdigest()[:16],
        views=tuple(views),
        required_views=tuple(views if required_views is None else required_views),
        image_size=None,
        needs_goal=needs_goal,
        causal=card.causal,
    )
