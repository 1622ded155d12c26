"""What goes wrong while keypoints are proposed."""

from __future__ import annotations

from kibble.rewards.errors import ModelError

__all__ = ["ProposalError"]


class ProposalError(ModelError):
    """A proposer gave no usable keypoints; the episode stays unopened and its potential held."""
