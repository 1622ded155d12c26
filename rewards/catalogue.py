"""Every reward model by reference: embedded, published, on a server, and the baselines."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.grm_tiny import CARD as EMBEDDED
from kibble.rewards.adapters.table import CARDS
from kibble.rewards.baselines import BASELINES, VIEWS
from kibble.rewards.errors import WeightsError
from kibble.rewards.option_values import read_options
from kibble.rewards.reference import ModelReference, parse_reference
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    import torch

__all__ = ["card_of", "known_models", "open_model", "options_class"]


def known_models() -> tuple[str, ...]:
    """Names that :func:`open_model` knows besides paths; needs no torch."""
    return tuple(CARDS)


def card_of(reference: ModelReference) -> ModelCard:
    """Find the card of a reference; a path has that of the embedded model.

    Raises:
        WeightsError: If the name is neither known nor a path.
    """
    if reference.name in CARDS:
        return CARDS[reference.name]
    if reference.weights is None and Path(reference.name).exists():
        return EMBEDDED
    near = difflib.get_close_matches(reference.name, CARDS, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(CARDS)}."
    raise WeightsError(
        f"`reward` must be a known name or a directory of weights, got {reference.name!r}; {hint}"
    )


def options_class(card: ModelCard) -> type[object]:
    """Import the dataclass that types a model's options."""
    return cast("type[object]", _imported(card.options))


def open_model(
    reference: str | ModelReference,
    *,
    device: torch.device | None = None,
    views: Sequence[str] = VIEWS,
) -> RewardModel:
    """Open a reward model.

    Args:
        reference: What :func:`kibble.rewards.reference.parse_reference` reads, or its outcome.
        device: Where a network runs; the CPU by default.
        views: Views that a baseline accepts; other models know their own.

    Returns:
        The model.

    Raises:
        ConfigError: If the reference does not follow the grammar, or an option is unknown or out
            of range.
        WeightsError: If the name is neither known nor a directory, or the weights are missing or
            damaged.

    >>> open_model("time_counter?horizon=100").spec.name
    'time_counter'
    """
    if isinstance(reference, str):
        reference = parse_reference(reference)
    card = card_of(reference)
    pairs = list(reference.options)
    if card.name in BASELINES and "views" not in dict(pairs):
        pairs += [("views", view) for view in views]
    options = read_options(options_class(card), pairs, model=card.name)
    weights = reference.weights if reference.name in CARDS else reference.name
    opens = cast("Callable[[str | None, Any, Any], RewardModel]", _imported(card.opens))
    return opens(weights, options, device)


def _imported(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
