"""The cards of every reward model that has a name; a published one is added here, by its card.

Importing this imports neither torch nor transformers.
"""

from __future__ import annotations

from kibble.rewards import baseline_cards
from kibble.rewards.adapters import (
    clip,
    contrasting_goals,
    grm,
    grm_tiny,
    gvl,
    keypoints,
    keypoints_vlm,
    lrm,
    remote,
    robometer,
    roboreward,
    topreward,
    trend,
    vlac,
    yes_token,
)
from kibble.rewards.adapters.card import ModelCard

__all__ = ["CARDS"]

_PUBLISHED: tuple[ModelCard, ...] = (  # in the order in which they are listed
    clip.CARD,
    contrasting_goals.CARD,
    grm.CARD,
    vlac.CARD,
    lrm.CARD,
    roboreward.CARD,
    robometer.CARD,
    topreward.CARD,
    gvl.CARD,
    yes_token.CARD,
    trend.CARD,
    keypoints_vlm.CARD,
)

CARDS: dict[str, ModelCard] = {
    card.name: card
    for card in (grm_tiny.CARD, keypoints.CARD, *_PUBLISHED, remote.CARD, *baseline_cards.CARDS)
}
"""Name to card, in the order in which they are listed."""
