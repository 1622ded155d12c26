"""A proposer that is asked once for scenes that look the same."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import final

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import ConfigError
from kibble.rewards.frame_change import Thumbnails, largest_change, thumbnails
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.remote.outages import Outage, RecordsOutages
from kibble.rewards.types import Frames

__all__ = ["RememberedProposals"]

_SCENES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    instruction: str
    seen: Thumbnails
    proposal: Proposal


@final
class RememberedProposals:
    """Repeats a proposal for the same instruction where the scene looks as it did.

    A language model takes seconds for a proposal; where every episode begins in the same scene
    one is enough. Failures are not remembered.

    Args:
        proposer: Who is asked.
        alike: Up to this change of the part of a view that changed most, scenes are the same, in
            [0, 1); see :func:`kibble.rewards.frame_change.largest_change`. A camera's noise makes
            about 0.01 and a cube that stands elsewhere 0.1.

    Raises:
        ConfigError: If ``alike`` is out of range.
    """

    def __init__(self, proposer: Proposer, *, alike: float = 0.04) -> None:
        if not 0.0 <= alike < 1.0:
            raise ConfigError(f"`alike` must lie in [0, 1), got {alike}; 0 means equal frames.")
        self._proposer = proposer
        self._alike = alike
        self._scenes: OrderedDict[int, _Scene] = OrderedDict()
        self._number = 0

    @property
    def name(self) -> str:
        """Name of who is asked."""
        return self._proposer.name

    @property
    def version(self) -> str:
        """Fingerprint of who is asked."""
        return self._proposer.version

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages of the server that proposes, if one does, oldest first."""
        if not isinstance(self._proposer, RecordsOutages):
            return ()
        return tuple(self._proposer.outages)

    def propose(self, instruction: str, frames: Frames) -> Proposal:
        """Propose keypoints, or repeat them; see :class:`Proposer`.

        Raises:
            ProposalError: If there is no usable answer.
        """
        seen = thumbnails(
            {view: images for view, images in frames.items() if not view.endswith(DEPTH_SUFFIX)}
        )
        for number, scene in reversed(self._scenes.items()):
            same = scene.instruction == instruction
            if same and largest_change(scene.seen, seen) <= self._alike:
                self._scenes.move_to_end(number)
                return scene.proposal
        proposal = self._proposer.propose(instruction, frames)
        self._scenes[self._number] = _Scene(instruction=instruction, seen=seen, proposal=proposal)
        self._number += 1
        if len(self._scenes) > _SCENES:
            self._scenes.popitem(last=False)
        return proposal
