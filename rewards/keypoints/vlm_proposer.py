"""Keypoints and a way by a vision-language model that is shown marks to choose from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import final

from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import check_frames
from kibble.rewards.keypoints.prompting.interview import Interview
from kibble.rewards.keypoints.prompting.sampling import Sampling
from kibble.rewards.keypoints.prompting.scene import mark_scene
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.proposal import Keypoint, Proposal, require_apart
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint
from kibble.rewards.remote.outages import Outage
from kibble.rewards.types import Frames
from kibble.rewards.vlm.backend import Backend, DistantBackend
from kibble.rewards.vlm.instruction import check_instruction

__all__ = ["VlmProposer"]

_PROMPT_VERSION = "1"  # of wording and drawing; another one proposes something else


@final
class VlmProposer:
    """Asks a language model which marks, then which way between them.

    Points in free space are chosen by their tile, and then in a closer look at it.

    Each question is asked as often as there are samples. What most agree on is proposed, the
    confidence being how near the others are to it; with a single sample it is the probability of
    the chosen labels, where the back end tells it. An answer that follows no grammar counts as
    one that agrees with none, and where more than half are such, the proposal fails.

    Args:
        backend: What answers.
        views: Views that are shown, from the left; the first has the grid.
        settings: What is drawn.
        sampling: How often is asked.
        calibration: Of the views, for a ruler of heights on one from the side; as for
            :func:`kibble.rewards.cameras.calibrated_views.read_cameras`.

    Raises:
        ConfigError: If no view is given or one stands twice.

    Source:
        MOKA (Liu et al. 2024, arXiv:2403.03174) and KAGI (Lee et al. 2024, arXiv:2407.10341).
    """

    def __init__(
        self,
        backend: Backend,
        *,
        views: Sequence[str],
        settings: PromptSettings | None = None,
        sampling: Sampling | None = None,
        calibration: str | None = None,
    ) -> None:
        if not views or len(set(views)) != len(views):
            raise ConfigError(f"`views` must be one or more different views, got {list(views)}.")
        self._backend = backend
        self._views = tuple(views)
        self._settings = settings if settings is not None else PromptSettings()
        self._sampling = sampling if sampling is not None else Sampling()
        self._calibration = calibration
        self._interview = Interview(
            backend,
            views=self._views,
            settings=self._settings,
            sampling=self._sampling,
        )

    @property
    def name(self) -> str:
        """Name of the model that answers."""
        return self._backend.spec.name

    @property
    def version(self) -> str:
        """Of the model, what it is shown and how it is asked."""
        parts = (
            self._backend.spec.version,
            _PROMPT_VERSION,
            self._views,
            self._settings,
            self._sampling,
            self._calibration,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages of the server that answers, if one does, oldest first."""
        if not isinstance(self._backend, DistantBackend):
            return ()
        return self._backend.availability.outages

    def propose(self, instruction: str, frames: Frames) -> Proposal:
        """Propose keypoints; see :class:`kibble.rewards.keypoints.proposer.Proposer`.

        Raises:
            ConfigError: If the instruction holds signs that prompts reserve, or the calibration
                has no file of a view.
            FrameError: If a view is missing.
            ProposalError: If too many answers follow no grammar, or the model failed.
            TimeoutError: If the model took too long.
            ServiceAwayError: If a server cannot be reached.
        """
        check_instruction(instruction)
        check_frames(frames, views=self._views, count=1)
        scene = mark_scene(frames, self._views, self._settings)
        sizes = {view: (frames[view].shape[1], frames[view].shape[2]) for view in self._views}
        chosen = self._interview.choose(instruction, scene, sizes)
        if not {Role.GRIPPER, Role.TARGET} <= set(chosen.present):
            return self._nothing(sizes)
        chosen = self._interview.look_closer(instruction, frames, chosen)
        cameras = read_cameras(self._calibration, sizes) if self._calibration else {}
        plan = self._interview.plan(instruction, frames, scene, chosen, cameras)
        waypoints = tuple(
            step.waypoint(self._views[0], sizes[self._views[0]], self._settings.tiles)
            for step in plan.answer
        )
        used = {w.mover for w in waypoints} | {w.anchor for w in waypoints if w.anchor}
        used |= {Role.GRIPPER, Role.TARGET}
        proposal = Proposal(
            keypoints={role: chosen.keypoint(role) for role in chosen.present},
            waypoints=waypoints,
            sizes=sizes,
            source=self.name,
            confidence=min(plan.confidence, *(chosen.keypoint(role).confidence for role in used)),
        )
        require_apart(proposal)
        return proposal

    def _nothing(self, sizes: Mapping[str, tuple[int, int]]) -> Proposal:
        """Hold the potential: what the instruction names, or the hand, is not to be seen."""
        middles = {view: (width / 2.0, height / 2.0) for view, (height, width) in sizes.items()}
        unseen = Keypoint(pixels=middles, confidence=0.0)
        return Proposal(
            keypoints={Role.GRIPPER: unseen, Role.TARGET: unseen},
            waypoints=(Waypoint(mover=Role.GRIPPER, anchor=Role.TARGET),),
            sizes=sizes,
            source=self.name,
            confidence=0.0,
        )
