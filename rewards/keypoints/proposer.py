"""Who proposes keypoints: the embedded network, a language model, a file, or the simulator."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.types import Frames

__all__ = ["Proposer"]


@runtime_checkable
class Proposer(Protocol):
    """Marks keypoints and a way on the first frames of an episode."""

    @property
    def name(self) -> str:
        """Short name for logs and tables."""
        ...

    @property
    def version(self) -> str:
        """Fingerprint: equal fingerprints propose the same for the same frames."""
        ...

    def propose(self, instruction: str, frames: Frames) -> Proposal:
        """Propose keypoints for a scene.

        Args:
            instruction: What is to be done.
            frames: The scene, (1, H, W, 3) uint8 RGB per view.

        Returns:
            The proposal. Its confidence is 0 where the instruction names nothing that is in view.

        Raises:
            ProposalError: If there is no usable answer.
        """
        ...
