"""Affordance keypoints as a reward model: from places of roles to a potential along a way."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import check_frames
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.located import Located, Locator, Opened
from kibble.rewards.keypoints.path import Path
from kibble.rewards.keypoints.path_potential import success_probability
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.keypoints.sketch import Sketch
from kibble.rewards.keypoints.sketching import sketch_in_picture, sketch_in_space
from kibble.rewards.keypoints.stages import Rules, Stage, follow, next_waypoint, stage_potential
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.variant import Variant
from kibble.rewards.remote.outages import Outage, RecordsOutages
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["KeypointReward", "PathSettings"]

_LOGGER = logging.getLogger(__name__)
_LOST_FOR = 5  # frames without a place of what is next, before keypoints are proposed again


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    """How places become a potential.

    Args:
        variant: What a distance is.
        view: The view whose pixels the places are; for ``pixel`` and ``block``.
        tolerance: Distance that counts as reached, > 0, in m, pixels or tiles; ``None`` takes the
            variant's own.
        grid: Tiles along a side of the picture, for ``block``.
        fall_back: Whether a stage can be lost again.
        reproposals: How often in an episode keypoints may be proposed anew, after they were lost.

    Raises:
        ConfigError: If a value is out of range, or a variant of pictures names no view.
    """

    variant: Variant = Variant.METRIC
    view: str | None = None
    tolerance: float | None = None
    grid: int = 8
    fall_back: bool = True
    reproposals: int = 0

    def __post_init__(self) -> None:
        if self.variant.flat and self.view is None:
            raise ConfigError(
                f"Variant {self.variant.value!r} must have the `view` it measures in, got none."
            )
        if self.grid < 2 or self.reproposals < 0:
            raise ConfigError(
                "`grid` must be at least 2 and `reproposals` at least 0, got "
                f"{self.grid} and {self.reproposals}."
            )
        if self.tolerance is not None:
            Rules(tolerance=self.tolerance)


@final
class KeypointReward:
    """Progress is the potential along the waypoints of a proposal; see ``path_potential``.

    - progress: (k + closeness) / K. Held where a point of the next waypoint is lost: the status
      is OK and the confidence 0.
    - success: logistic in the distance to the last waypoint; 0 where that is not known.
    - confidence: that of the proposal times that of the next waypoint's least sure point.

    ``Episode.memory`` holds, for those who draw: ``path`` (:meth:`Path.plain`), ``stage``
    (:meth:`Stage.plain`), ``positions`` (R, D) in the unit of the locator with NaN where unknown,
    ``state`` (R,), ``role_confidence`` (R,), ``distance`` to the next waypoint (in the unit of the
    variant, NaN while held), ``tolerance``, ``confidence`` of the proposal, ``variant`` and
    ``locator``, what the locator remembers.

    Args:
        locator: From frames to places.
        spec: Name, version and views.
        settings: How places become a potential.
        cameras: Calibrated views that sketches of places in space are drawn in; they may become
            known as frames come.
    """

    def __init__(
        self,
        locator: Locator,
        spec: ModelSpec,
        settings: PathSettings,
        *,
        cameras: Mapping[str, Camera] | None = None,
    ) -> None:
        self._locator = locator
        self._spec = spec
        self._settings = settings
        self._cameras = {} if cameras is None else cameras

    @property
    def spec(self) -> ModelSpec:
        """Name, version and views; frames are taken as they come."""
        return self._spec

    @property
    def locator(self) -> Locator:
        """From frames to places."""
        return self._locator

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages of the server that proposes, if one does, oldest first."""
        if not isinstance(self._locator, RecordsOutages):
            return ()
        return tuple(self._locator.outages)

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Propose keypoints and open an episode.

        Raises:
            ProposalError: If there is no usable proposal.
            FrameError: If a required view is missing.
        """
        check_frames(start_frames, views=self._spec.required_views, count=1)
        episode = Episode(task=task)
        episode.memory.update(lost=0, reproposals=self._settings.reproposals)
        opened = self._locator.open(task.instruction, start_frames)
        self._take_up(episode, opened, self._size(start_frames))
        self._read(episode, opened.located, 0, self._size(start_frames))
        return episode

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Locate the roles in N frames and follow each way.

        Raises:
            FrameError: If a required view is missing.
        """
        check_frames(frames, views=self._spec.required_views, count=len(episodes))
        size = self._size(frames)
        proposed = [i for i, each in enumerate(episodes) if each.memory["confidence"]]
        located = self._locate(episodes, frames, proposed) if proposed else None
        success, confidence = np.zeros(len(episodes)), np.zeros(len(episodes))
        for i, episode in enumerate(episodes):
            episode.steps += 1
            if located is not None and i in proposed:
                success[i], confidence[i] = self._read(episode, located, proposed.index(i), size)
            if confidence[i] == 0.0:
                success[i], confidence[i] = self._proposed_again(episode, frames, i, size)
            else:
                episode.memory["lost"] = 0
        return Estimate(
            progress=np.array([episode.progress for episode in episodes], np.float32),
            success=success.astype(np.float32),
            confidence=confidence.astype(np.float32),
            status=np.full(len(episodes), Status.OK, np.int8),
        )

    def sketch(self, episode: Episode) -> Sketch | None:
        """Show points and way; see :class:`kibble.rewards.keypoints.sketch.Sketches`."""
        if not self._settings.variant.flat:
            return sketch_in_space(episode, self._cameras)
        assert self._settings.view is not None  # PathSettings refuses it
        return sketch_in_picture(episode, self._settings.view)

    def _locate(self, episodes: Sequence[Episode], frames: Frames, rows: Sequence[int]) -> Located:
        memories = [cast("dict[str, object]", episodes[i].memory["locator"]) for i in rows]
        if len(rows) < len(episodes):
            frames = {view: images[list(rows)] for view, images in frames.items()}
        return self._locator.locate(memories, frames)

    def _take_up(self, episode: Episode, opened: Opened, size: tuple[int, int] | None) -> None:
        """Note a proposal; a stage is kept where the new way is the old one."""
        settings, memory = self._settings, episode.memory
        path = Path(waypoints=opened.waypoints, places=opened.places)
        path = path.flat() if settings.variant.flat else path
        before = Path.restored(cast("Any", memory["path"])) if "path" in memory else None
        if before is None or before.waypoints != path.waypoints:
            memory["stage"] = Stage.at_start(len(path)).plain()
        memory.update(
            path=path.plain(),
            locator=opened.memory,
            confidence=float(opened.confidence),
            variant=settings.variant.value,
            size=None if size is None else list(size),
            tolerance=settings.tolerance or settings.variant.tolerance(size),
        )

    def _read(
        self, episode: Episode, located: Located, row: int, size: tuple[int, int] | None
    ) -> tuple[float, float]:
        """Follow the way to one frame's places; return success and confidence."""
        settings, memory = self._settings, episode.memory
        known = (located.state[row] != TrackState.LOST) & (located.confidence[row] > 0.0)
        positions = np.where(known[:, None], located.positions[row], np.nan)  # (R, D)
        path = Path.restored(cast("Any", memory["path"]))
        rules = Rules(tolerance=cast("float", memory["tolerance"]), fall_back=settings.fall_back)
        gaps = self._gaps(path, positions, size)  # (W, D)
        stage = Stage.restored(cast("Any", memory["stage"]))
        if memory["confidence"]:
            stage = follow(stage, path.waypoints, gaps, rules)
        at = next_waypoint(stage)
        distance = float(np.linalg.norm(gaps[at]))
        memory.update(
            stage=stage.plain(),
            positions=positions,
            state=located.state[row].copy(),
            role_confidence=located.confidence[row].copy(),
            distance=distance,
        )
        if not memory["confidence"] or np.isnan(distance):
            return 0.0, 0.0
        episode.progress = stage_potential(stage, path.waypoints, gaps, rules)
        to_end = float(np.linalg.norm(gaps[-1]))
        success = (
            0.0 if np.isnan(to_end) else success_probability(to_end, tolerance=rules.tolerance)
        )
        waypoint = path.waypoints[at]
        needed = [ROLES.index(role) for role in (waypoint.mover, waypoint.anchor) if role]
        sure = float(located.confidence[row, needed].min())
        return success, sure * cast("float", memory["confidence"])

    def _gaps(
        self, path: Path, positions: NDArray[np.float64], size: tuple[int, int] | None
    ) -> NDArray[np.float64]:
        variant, grid = self._settings.variant, self._settings.grid
        laid = Path(
            waypoints=path.waypoints,
            places=variant.measured(path.places, size=size, grid=grid),
        )
        return laid.gaps(variant.measured(positions, size=size, grid=grid))

    def _proposed_again(
        self, episode: Episode, frames: Frames, row: int, size: tuple[int, int] | None
    ) -> tuple[float, float]:
        """Count a lost frame; propose anew where that may be. Return success and confidence."""
        lost, left = (cast("int", episode.memory[key]) for key in ("lost", "reproposals"))
        episode.memory["lost"] = lost + 1
        if not left or lost + 1 < _LOST_FOR:
            return 0.0, 0.0
        episode.memory.update(lost=0, reproposals=left - 1)
        newest = {view: images[row : row + 1] for view, images in frames.items()}
        try:
            opened = self._locator.open(episode.task.instruction, newest)
        except ProposalError as error:
            _LOGGER.info("Keypoints stay lost: %s", error)
            return 0.0, 0.0
        self._take_up(episode, opened, size)
        return self._read(episode, opened.located, 0, size)

    def _size(self, frames: Frames) -> tuple[int, int] | None:
        """Return (height, width) of the view that is measured in."""
        if self._settings.view is None:
            return None
        height, width = frames[self._settings.view].shape[1:3]
        return int(height), int(width)
