"""A locator that looks: somebody proposes, a tracker follows, calibrated views lift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.keypoints.lifting import Lifting
from kibble.rewards.keypoints.located import Located, Opened
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.tracks import Tracker, Tracks, TrackState
from kibble.rewards.remote.outages import Outage, RecordsOutages
from kibble.rewards.types import Frames

__all__ = ["SeenLocator"]


@final
class SeenLocator:
    """Proposes on the first frames, tracks in every view, and lifts; see :class:`Locator`.

    Its memory: ``tracker``, the tracker's own, ``places`` (R, D), where each role was last, NaN
    where never known, and ``source``, who proposed.

    Args:
        proposer: Marks keypoints and a way.
        tracker: Follows them.
        lifting: From pixels to the space of the way.
        views: Views that are used, those of depth among them.
    """

    def __init__(
        self, proposer: Proposer, tracker: Tracker, lifting: Lifting, *, views: Sequence[str]
    ) -> None:
        self._proposer = proposer
        self._tracker = tracker
        self._lifting = lifting
        self._views = tuple(views)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages of the server that proposes, if one does, oldest first."""
        if not isinstance(self._proposer, RecordsOutages):
            return ()
        return tuple(self._proposer.outages)

    def open(self, instruction: str, frames: Frames) -> Opened:
        """Propose keypoints and place them.

        Raises:
            ProposalError: If there is no usable proposal.
        """
        frames = self._used(frames)
        pictures = {view: each for view, each in frames.items() if not _is_depth(view)}
        proposal = self._proposer.propose(instruction, pictures)
        tracks = _marked(proposal, pictures)
        nowhere = np.full((1, len(ROLES), self._lifting.dimensions), np.nan)
        located = self._lifting.roles(tracks, frames, nowhere)
        return Opened(
            waypoints=proposal.waypoints,
            places=self._places(proposal, frames),
            located=located,
            confidence=proposal.confidence,
            memory={
                "tracker": self._tracker.begin(instruction, proposal, frames),
                "places": _last(located, nowhere)[0],
                "source": proposal.source,
            },
        )

    def locate(self, memories: Sequence[dict[str, object]], frames: Frames) -> Located:
        """Track and place the roles of N scenes."""
        frames = self._used(frames)
        tracks = self._tracker.update(
            [cast("dict[str, object]", memory["tracker"]) for memory in memories], frames
        )
        before = np.stack([cast("NDArray[np.float64]", memory["places"]) for memory in memories])
        located = self._lifting.roles(tracks, frames, before)
        for memory, places in zip(memories, _last(located, before), strict=True):
            memory["places"] = places
        return located

    def _used(self, frames: Frames) -> Frames:
        return {view: frames[view] for view in self._views}

    def _places(self, proposal: Proposal, frames: Frames) -> NDArray[np.float64]:
        """Place the waypoints that belong to no keypoint, (W, D)."""
        places = np.full((len(proposal.waypoints), self._lifting.dimensions), np.nan)
        for row, waypoint in enumerate(proposal.waypoints):
            if waypoint.anchor is None:
                pixels = {
                    view: _scaled(at, proposal.sizes[view], frames[view].shape[1:3])
                    for view, at in waypoint.pixels.items()
                    if view in frames
                }
                places[row] = self._lifting.spot(pixels, frames, height=waypoint.height)
        return places


def _is_depth(view: str) -> bool:
    return view.endswith(DEPTH_SUFFIX)


def _scaled(
    at: tuple[float, float], marked: tuple[int, int], shown: tuple[int, ...]
) -> tuple[float, float]:
    """Bring a pixel from the size, (height, width), that it was marked on to what is shown."""
    return at[0] * shown[1] / marked[1], at[1] * shown[0] / marked[0]


def _marked(proposal: Proposal, frames: Frames) -> Tracks:
    """Return the proposal's keypoints as tracks of one scene."""
    pixels, state, confidence = {}, {}, {}
    for view, images in frames.items():
        at = np.zeros((1, len(ROLES), 2), np.float32)
        known = np.full((1, len(ROLES)), TrackState.LOST, np.int8)
        sure = np.zeros((1, len(ROLES)), np.float32)
        for row, role in enumerate(ROLES):
            keypoint = proposal.keypoints.get(role)
            if keypoint is None or view not in keypoint.pixels or not keypoint.confidence:
                continue
            at[0, row] = _scaled(keypoint.pixels[view], proposal.sizes[view], images.shape[1:3])
            known[0, row], sure[0, row] = TrackState.SEEN, keypoint.confidence
        pixels[view], state[view], confidence[view] = at, known, sure
    return Tracks(pixels=pixels, state=state, confidence=confidence)


def _last(located: Located, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where each role was last, (N, R, D)."""
    known = (located.state != TrackState.LOST)[..., None]
    return np.where(known, located.positions, before)
