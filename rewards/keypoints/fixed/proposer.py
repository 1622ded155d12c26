"""The proposer that repeats keypoints marked by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import final

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.fixed.document import as_document
from kibble.rewards.keypoints.fixed.file import read_file
from kibble.rewards.keypoints.fixed.scaling import fit_to
from kibble.rewards.keypoints.fixed.scene import MarkedScene
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.types import Frames

__all__ = ["FixedProposer"]


@final
class FixedProposer:
    """Proposes the same points for every scene, scaled to the size of its frames.

    It is for a scene that begins the same way every time; where things stand elsewhere, the
    marks do not follow.

    Args:
        scene: What was marked.
    """

    def __init__(self, scene: MarkedScene) -> None:
        self._scene = scene
        text = json.dumps(as_document(scene), sort_keys=True)
        self._version = hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def open(cls, path: str | Path) -> FixedProposer:
        """Open a YAML file.

        Raises:
            ConfigError: If it cannot be read; the text names file and key.
        """
        return cls(read_file(path))

    @property
    def name(self) -> str:
        """The file's name."""
        return self._scene.proposal.source

    @property
    def version(self) -> str:
        """Fingerprint of all that the file says."""
        return self._version

    def propose(self, instruction: str, frames: Frames) -> Proposal:
        """Repeat the marked keypoints.

        Args:
            instruction: Must ask for what the file is for, if that says for what.
            frames: The scene, (1, H, W, 3) uint8 RGB per view; views that were not marked are
                left out, as are marks in views that are not here.

        Raises:
            ProposalError: If the file is for another instruction, or a point is marked in none
                of the views.
        """
        asked_for = self._scene.instruction
        if asked_for is not None and _plain(asked_for) != _plain(instruction):
            raise ProposalError(
                f"The keypoints of {self.name!r} are for {asked_for!r}, got {instruction!r}; mark "
                "others for it, or take `instruction` out of the file, which then goes with any."
            )
        sizes = {view: (batch.shape[1], batch.shape[2]) for view, batch in frames.items()}
        return fit_to(self._scene.proposal, sizes)


def _plain(sentence: str) -> str:
    """Return a sentence without what does not change its meaning.

    >>> _plain("Push the  red cube.")
    'push the red cube'
    """
    return " ".join(sentence.lower().split()).rstrip(".!")
