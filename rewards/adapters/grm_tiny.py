"""What is known of the embedded reward model, and how it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "open_reward"]

CARD = ModelCard(
    name="grm_tiny",
    title="the embedded reward model; its weights come with the package",
    opens="kibble.rewards.adapters.grm_tiny:open_reward",
    options="kibble.rewards.adapters.grm_tiny:Options",
    hub_ids=(),
    licence="Apache-2.0",
    views=("front", "wrist"),
    history="the start and the frame before",
    needs_goal=False,
    causal=True,
    extra="",
    source="this package; rewards/grm/weights/grm_tiny/MODEL_CARD.md",
    included=True,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the embedded model reads.

    Args:
        reading: How hops between frames become progress: absolute, incremental, forward, mean or
            gated; backward needs goal frames.
        missing_view: learned (a stand-in replaces a view that is not there) or flag (such frames
            count as unanswered).
    """

    reading: str = "absolute"
    missing_view: str = "learned"


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the shipped weights, or those of a directory; see :func:`kibble.rewards.loading.load`.

    Raises:
        WeightsError: If the weights are missing or damaged.
        ConfigError: If an option is none of the known ones.
    """
    from kibble.rewards.loading import load

    return load(
        CARD.name if weights is None else weights,
        device=device,
        reading=options.reading,
        missing_view=options.missing_view,
    )
