"""The cards of every reward model that has a name; a published one is added here, by its card.

Importing this imports neither torch nor transformers.
"""

from __future__ import annotations

from kibble.rewards import baseline_cards
from kibble.rewards.adapters import (
    clip,
    contrasting_goals,
    grm_tiny,
    gvl,
    remote,
    robometer,
    roboreward,
    topreward,
)
from kibble.rewards.adapters.card import ModelCard

__all__ = ["CARDS"]

_PUBLISHED: tuple[ModelCard, ...] = (  # in the order in which they are listed
    clip.CARD,
    contrasting_goals.CARD,
    roboreward.CARD,
    robometer.CARD,
    topreward.CARD,
    gvl.CARD,
)

CARDS: dict[str, ModelCard] = {
    card.name: card for card in (grm_tiny.CARD, *_PUBLISHED, remote.CARD, *baseline_cards.CARDS)
}
"""Name to card, in the order in which they are listed."""
