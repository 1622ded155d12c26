"""From a reward model's estimates to one held potential per episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.episode_memory import EpisodeState, episode_state, restored_episode
from kibble.rewards.errors import ModelError, ShapingError
from kibble.rewards.failure_tally import FailureTally, FailureTallyState
from kibble.rewards.frames import check_frames, concatenate_frames, resize_frames
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task

__all__ = ["Potential", "PotentialState"]


class PotentialState(TypedDict):
    """All that a :class:`Potential` remembers: arrays, numbers and the episodes' memories."""

    phi: NDArray[np.float64]
    progress: NDArray[np.float64]
    success: NDArray[np.float64]
    confidence: NDArray[np.float64]
    status: NDArray[np.int8]
    fresh: NDArray[np.bool_]
    reading: NDArray[np.float64]
    held: NDArray[np.bool_]
    failures: FailureTallyState
    episodes: list[EpisodeState | None]


@final
class Potential:
    """Phi = scale * (progress + shift) of N parallel episodes, one value per frame, never redone.

    Slot ``i`` holds the running episode of environment ``i``. :meth:`begin` opens episodes,
    :meth:`update` reads the newest frames of any number of slots in one call of the model. Between
    queries, and where the model's status is not ``OK``, Phi keeps its value: that is a potential
    which changes with time, so shaping by it still leaves the optimal policies as they are.

    Args:
        model: The reward model.
        slots: N, how many episodes run side by side.
        scale: Multiplies the potential.
        shift: Added to progress before scaling. With -1 the potential is at most 0 and a
            successful step is never charged for the potential that it gives up.
        max_failure_share: Share of the last ``window`` readings that may have a status other
            than ``OK``, in [0, 1].
        window: Readings over which that share is taken, at least 1.

    Attributes:
        phi: (N,) float64, the potential of each slot.
        progress: (N,) float64 in [0, 1], the progress that the potential is made of.
        reading: (N,) float64 in [0, 1], the last progress read with status ``OK``; it moves on
            while a potential is held by order.
        success: (N,) float64 in [0, 1], likewise; NaN until the first such reading.
        confidence: (N,) float64 in [0, 1], likewise; NaN until the first such reading.
        status: (N,) int8 of :class:`Status`, of the last query.
        fresh: (N,) bool, whether the last query renewed the potential.
        held: (N,) bool, to be assigned: slots whose potential keeps its value by order, until
            they are released or begin an episode. They are read all the same.

    Raises:
        ShapingError: If an argument is out of range.
    """

    def __init__(
        self,
        model: RewardModel,
        *,
        slots: int = 1,
        scale: float = 1.0,
        shift: float = 0.0,
        max_failure_share: float = 0.2,
        window: int = 100,
    ) -> None:
        if slots < 1:
            raise ShapingError(f"`slots` must be at least 1, got {slots}.")
        for name, value in (("scale", scale), ("shift", shift)):
            if not np.isfinite(value):
                raise ShapingError(f"`{name}` must be finite, got {value}.")
        self.model = model
        self.scale = float(scale)
        self.shift = float(shift)
        self.phi = np.full(slots, np.nan)  # (N,) float64, NaN until an episode is open
        self.progress = np.full(slots, np.nan)  # (N,) float64
        self.reading = np.full(slots, np.nan)  # (N,) float64
        self.success = np.full(slots, np.nan)  # (N,) float64
        self.confidence = np.full(slots, np.nan)  # (N,) float64
        self.status = np.full(slots, Status.OK, np.int8)  # (N,)
        self.fresh = np.zeros(slots, np.bool_)  # (N,)
        self.held = np.zeros(slots, np.bool_)  # (N,)
        self._tally = FailureTally(model.spec.name, max_share=max_failure_share, window=window)
        self._episodes: list[Episode | None] = [None] * slots

    def __len__(self) -> int:
        return len(self._episodes)

    @property
    def spec(self) -> ModelSpec:
        """What the model is and what it asks for."""
        return self.model.spec

    @property
    def failures(self) -> Mapping[Status, int]:
        """How many readings ended with each status other than ``OK``."""
        return self._tally.counts

    def begin(self, starts: Mapping[int, tuple[Task, Frames]]) -> None:
        """Open an episode in each slot named; what ran there is forgotten.

        Args:
            starts: Slot to the task and the start frames, (1, H, W, 3) uint8 RGB per view.

        Raises:
            FrameError: If frames do not suit the model.
            ModelError: If the model needs goal frames that the task lacks, or answers progress
                outside [0, 1].
        """
        for slot, (task, frames) in starts.items():
            if self.spec.needs_goal and task.goal_frames is None:
                raise ModelError(
                    f"Reward model {self.spec.name!r} needs `goal_frames` in the task, got none; "
                    "pass a `Task` with them, or choose a model that reads the instruction alone."
                )
            episode = self.model.begin(task, self._suited(frames))
            if not 0.0 <= episode.progress <= 1.0:
                raise ModelError(
                    f"Reward model {self.spec.name!r} must give a start frame progress in [0, 1], "
                    f"got {episode.progress}."
                )
            self._episodes[slot] = episode
            self.held[slot] = False
            self._take(slot, episode.progress, np.nan, np.nan)
            self.status[slot] = Status.OK

    def update(self, frames: Mapping[int, Frames]) -> None:
        """Read the newest frames of the slots named, all in one call of the model.

        Args:
            frames: Slot to its newest frames, (1, H, W, 3) uint8 RGB per view. A frame is passed
                once; slots that are not named keep their values and are no longer fresh.

        Raises:
            FrameError: If frames do not suit the model.
            ModelError: If the model's answer is malformed, or too many readings failed.
        """
        self.fresh[:] = False
        if not frames:
            return
        slots = list(frames)
        batch = concatenate_frames([self._suited(frames[slot]) for slot in slots])
        estimate = self._estimate([self._open(slot) for slot in slots], batch)
        for i, slot in enumerate(slots):
            status = Status(int(estimate.status[i]))
            self.status[slot] = status
            self._tally.add(status, slot)
            if status is Status.OK:
                self._take(
                    slot,
                    float(estimate.progress[i]),
                    float(estimate.success[i]),
                    float(estimate.confidence[i]),
                )
        self._tally.check()

    def get_state(self) -> PotentialState:
        """Return a copy of all that is remembered, to continue bit for bit by `set_state`."""
        return {
            "phi": self.phi.copy(),
            "progress": self.progress.copy(),
            "success": self.success.copy(),
            "confidence": self.confidence.copy(),
            "status": self.status.copy(),
            "fresh": self.fresh.copy(),
            "reading": self.reading.copy(),
            "held": self.held.copy(),
            "failures": self._tally.get_state(),
            "episodes": [None if e is None else episode_state(e) for e in self._episodes],
        }

    def set_state(self, state: PotentialState) -> None:
        """Continue from a state of `get_state`, made with the same model and number of slots.

        Raises:
            ShapingError: If the number of slots differs.
        """
        if len(state["episodes"]) != len(self):
            raise ShapingError(
                f"The saved potential has {len(state['episodes'])} slots and this one {len(self)};"
                " resume with the number of environments that the run began with."
            )
        self.phi[:] = state["phi"]
        self.progress[:] = state["progress"]
        self.success[:] = state["success"]
        self.confidence[:] = state["confidence"]
        self.status[:] = state["status"]
        self.fresh[:] = state["fresh"]
        self.reading[:] = state["reading"]
        self.held[:] = state["held"]
        self._tally.set_state(state["failures"])
        self._episodes = [None if e is None else restored_episode(e) for e in state["episodes"]]

    def _open(self, slot: int) -> Episode:
        episode = self._episodes[slot]
        if episode is None:
            raise ShapingError(
                f"Slot {slot} has no open episode; call `begin` (or `reset`) first."
            )
        return episode

    def _take(self, slot: int, reading: float, success: float, confidence: float) -> None:
        """Take a reading, and renew the potential where it is not held by order."""
        self.reading[slot] = reading
        self.success[slot] = success
        self.confidence[slot] = confidence
        if self.held[slot]:
            return
        self.progress[slot] = reading
        self.phi[slot] = self.scale * (reading + self.shift)
        self.fresh[slot] = True

    def _suited(self, frames: Frames) -> Frames:
        """Keep the model's views of one frame, at the model's size."""
        check_frames(frames, views=self.spec.required_views, count=1)
        return {
            view: resize_frames(frames[view], self.spec.image_size)
            for view in self.spec.views
            if view in frames
        }

    def _estimate(self, episodes: list[Episode], frames: Frames) -> Estimate:
        try:
            estimate = self.model.estimate(episodes, frames)
        except ModelError as error:
            raise ModelError(f"Reward model {self.spec.name!r} failed: {error}") from error
        if len(estimate) != len(episodes):
            raise ModelError(
                f"Reward model {self.spec.name!r} must answer one value per frame, "
                f"{len(episodes)}, got {len(estimate)}."
            )
        known = np.isin(estimate.status, [int(status) for status in Status])
        if not known.all():
            raise ModelError(
                f"Reward model {self.spec.name!r} must answer a `Status`, got "
                f"{estimate.status[~known][0]}."
            )
        return estimate
