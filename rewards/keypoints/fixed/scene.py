"""Keypoints marked on the pictures of one scene, and for what."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.rewards.keypoints.proposal import Proposal

__all__ = ["MarkedScene"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedScene:
    """A proposal made by hand.

    Args:
        proposal: The keypoints and the way.
        instruction: What they were marked for; ``None`` for whatever is asked.
    """

    proposal: Proposal
    instruction: str | None = None
