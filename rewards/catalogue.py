"""Every reward model by name: shipped weights, directories of weights, and the baselines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kibble.rewards.baselines import BASELINES, VIEWS, PixelGoal, RandomProgress, TimeCounter
from kibble.rewards.errors import WeightsError
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    import torch

__all__ = ["known_models", "open_model"]


def known_models() -> tuple[str, ...]:
    """Names that :func:`open_model` knows besides paths: shipped weights, then the baselines."""
    from kibble.rewards.loading import available  # torch, which the baselines do without

    return (*available(), *BASELINES)


def open_model(
    name: str, *, device: torch.device | None = None, views: Sequence[str] = VIEWS
) -> RewardModel:
    """Open a reward model.

    Args:
        name: A name of :func:`known_models`, or a directory of weights.
        device: Where a network runs; the CPU by default.
        views: Views that a baseline accepts; weights name their own.

    Returns:
        The model.

    Raises:
        WeightsError: If the name is neither known nor a directory, or the weights are damaged.

    >>> open_model("time_counter").spec.name
    'time_counter'
    """
    if name == "time_counter":
        return TimeCounter(views=views)
    if name == "pixel_goal":
        return PixelGoal(views=views)
    if name == "random":
        return RandomProgress(views=views)
    names = known_models()
    if name not in names and not Path(name).exists():
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}."
        raise WeightsError(
            f"`reward` must be a known name or a directory of weights, got {name!r}; {hint}"
        )
    from kibble.rewards.loading import load

    return load(name, device=device)
