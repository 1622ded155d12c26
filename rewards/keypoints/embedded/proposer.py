"""The embedded network as a proposer: keypoints and a way for the first frames of an episode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import final

from kibble.rewards.keypoints.detections import Detections
from kibble.rewards.keypoints.embedded.detector import EmbeddedDetector
from kibble.rewards.keypoints.embedded.loading import DEFAULT
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.types import Frames

__all__ = ["EmbeddedProposer"]

_LEAST = 0.5


@final
class EmbeddedProposer:
    """Proposes what the embedded network sees, on the way that the sentence asks for.

    A keypoint's confidence is that of the view that shows it best. The proposal's is the least of
    the keypoints that its way needs, times the way's probability. Below one half it is 0: more
    likely than not, the instruction names something that is not there.

    Args:
        detector: The network.
    """

    def __init__(self, detector: EmbeddedDetector) -> None:
        self._detector = detector

    @classmethod
    def load(cls, name_or_path: str | Path = DEFAULT) -> EmbeddedProposer:
        """Load by a name that ships with the package, or from a directory of weights.

        Raises:
            WeightsError: If there are no such weights, or they are damaged.
        """
        return cls(EmbeddedDetector.load(name_or_path))

    @property
    def name(self) -> str:
        """Name of the network."""
        return self._detector.name

    @property
    def version(self) -> str:
        """Fingerprint of its weights."""
        return self._detector.version

    def propose(self, instruction: str, frames: Frames) -> Proposal:
        """Propose keypoints for a scene.

        Args:
            instruction: What is to be done.
            frames: The scene, (1, H, W, 3) uint8 RGB per view.

        Returns:
            The proposal; its confidence is 0 where the instruction names nothing that is in view.

        Raises:
            FrameError: If an array is not uint8 (1, H, W, 3), or there is no view to look at.
        """
        found = self._detector.detect([instruction], frames)
        plan, share = self._detector.plan(instruction)
        sizes = {view: (frames[view].shape[1], frames[view].shape[2]) for view in found.pixels}
        keypoints = {role: _keypoint(role, found, sizes) for role in plan.roles}
        confidence = share * min(keypoint.confidence for keypoint in keypoints.values())
        return Proposal(
            keypoints=keypoints,
            waypoints=plan.waypoints,
            sizes=sizes,
            source=self.name,
            confidence=confidence if confidence >= _LEAST else 0.0,
        )


def _keypoint(role: Role, found: Detections, sizes: Mapping[str, tuple[int, int]]) -> Keypoint:
    """The keypoint in the views that tell it; in all of them, for what it is worth, if none."""
    row = ROLES.index(role)
    confidence = {view: float(values[0, row]) for view, values in found.confidence.items()}
    told = [view for view, value in confidence.items() if value > 0.0]
    pixels = {}
    for view in told or confidence:
        height, width = sizes[view]
        u, v = found.pixels[view][0, row].tolist()
        pixels[view] = (min(max(u, 0.0), float(width)), min(max(v, 0.0), float(height)))
    return Keypoint(pixels=pixels, confidence=max(confidence.values()))
