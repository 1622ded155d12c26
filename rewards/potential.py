"""From a reward model's readings to one held potential per episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.episode_reader import EpisodeReader, EpisodeReaderState, Reading
from kibble.rewards.errors import ModelError, ShapingError
from kibble.rewards.failure_tally import FailureTally, FailureTallyState
from kibble.rewards.keypoints.sketch import Sketch
from kibble.rewards.smoothing import Smoother
from kibble.rewards.types import Frames, ModelSpec, RewardModel, Status, Task

__all__ = ["Potential", "PotentialState"]


class PotentialState(TypedDict):
    """All that a :class:`Potential` remembers: arrays, numbers and the episodes' memories."""

    phi: NDArray[np.float64]
    progress: NDArray[np.float64]
    reading: NDArray[np.float64]
    success: NDArray[np.float64]
    confidence: NDArray[np.float64]
    status: NDArray[np.int8]
    fresh: NDArray[np.bool_]
    held: NDArray[np.bool_]
    smoothing: list[NDArray[np.float64] | None]
    failures: FailureTallyState
    reader: EpisodeReaderState


@final
class Potential:
    """Phi = scale * (progress + shift) of N parallel episodes, one value per frame, never redone.

    Slot ``i`` holds the running episode of environment ``i``. :meth:`begin` opens episodes,
    :meth:`update` reads the newest frames of any number of slots in one call of the model. Between
    queries, and where the model's status is not ``OK``, Phi keeps its value: that is a potential
    which changes with time, so shaping by it still leaves the optimal policies as they are. What
    becomes of a model that fails is said by :class:`kibble.rewards.episode_reader.EpisodeReader`;
    an episode that it cannot open goes on from the potential that the slot had last.

    Args:
        model: The reward model.
        slots: N, how many episodes run side by side.
        scale: Multiplies the potential.
        shift: Added to progress before scaling. With -1 the potential is at most 0 and a
            successful step is never charged for the potential that it gives up.
        smoothing: Smooths the readings of each episode before scaling; ``None`` takes them as
            they are.
        max_failure_share: Share of the last ``window`` readings that may have a status other
            than ``OK``, in [0, 1].
        window: Readings over which that share is taken, at least 1.
        patient: Whether a model that raises, or fails too often, is reported by :meth:`check`
            alone and its potentials are held until then. A training run asks between rollouts,
            where it stops without losing anything.

    Attributes:
        phi: (N,) float64, the potential of each slot.
        progress: (N,) float64 in [0, 1], the progress that the potential is made of.
        reading: (N,) float64 in [0, 1], the last progress read with status ``OK``, before
            smoothing; it moves on while a potential is held by order.
        success: (N,) float64 in [0, 1], likewise; NaN until the first such reading.
        confidence: (N,) float64 in [0, 1], likewise; NaN until the first such reading.
        status: (N,) int8 of :class:`Status`, of the last query.
        fresh: (N,) bool, whether the last query renewed the potential.
        held: (N,) bool, to be assigned: slots whose potential keeps its value by order, until
            they are released or begin an episode. They are read all the same.
        fault: What the model raised, if it is ``patient``; the model is then left alone.
        readings: (N,) what became of the frames of the last update; ``None`` where none came.

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
        smoothing: Smoother | None = None,
        max_failure_share: float = 0.2,
        window: int = 100,
        patient: bool = False,
    ) -> None:
        if slots < 1:
            raise ShapingError(f"`slots` must be at least 1, got {slots}.")
        for name, value in (("scale", scale), ("shift", shift)):
            if not np.isfinite(value):
                raise ShapingError(f"`{name}` must be finite, got {value}.")
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
        self.readings: list[Reading | None] = [None] * slots
        self._reader = EpisodeReader(model, slots)
        self._smoother = smoothing
        self._smoothing: list[NDArray[np.float64] | None] = [None] * slots
        self._tally = FailureTally(model.spec.name, max_share=max_failure_share, window=window)
        self._patient = patient
        self.fault: Exception | None = None

    def __len__(self) -> int:
        return len(self._reader)

    @property
    def model(self) -> RewardModel:
        """The reward model."""
        return self._reader.model

    @property
    def spec(self) -> ModelSpec:
        """What the model is and what it asks for."""
        return self.model.spec

    @property
    def versions(self) -> Sequence[str]:
        """Version of the model that reads each slot's episode, (N,); one for a whole episode."""
        return self._reader.versions

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
            ModelError: If the model needs goal frames that the task lacks, or cannot open the
                first episode of a slot.
        """
        for slot, (task, frames) in starts.items():
            reading = self._opened(slot, task, frames)
            if reading.status is not Status.OK and np.isnan(self.phi[slot]):
                raise ModelError(
                    f"Reward model {self.spec.name!r} could not open the first episode of slot "
                    f"{slot} ({reading.status.name}): {reading.reason} Mend the model; nothing "
                    "was lost."
                ) from self.fault
            self.held[slot] = False
            self._smoothing[slot] = None
            self.success[slot] = self.confidence[slot] = np.nan
            if reading.status is not Status.OK:
                self._tally.add(reading, slot)
            self._take(slot, reading)

    def update(self, frames: Mapping[int, Frames]) -> None:
        """Read the newest frames of the slots named, all in one call of the model.

        Args:
            frames: Slot to its newest frames, (1, H, W, 3) uint8 RGB per view. A frame is passed
                once; slots that are not named keep their values and are no longer fresh.

        Raises:
            FrameError: If frames do not suit the model.
            ModelError: If the model's answer is malformed, or too many readings failed; a
                ``patient`` potential leaves both to :meth:`check`.
        """
        self.fresh[:] = False
        self.readings = [None] * len(self)
        if not frames:
            return
        for slot, reading in self._read(frames).items():
            self.readings[slot] = reading
            self._tally.add(reading, slot)
            self._take(slot, reading)
        if not self._patient:
            self._tally.check()

    def sketch(self, slot: int) -> Sketch | None:
        """Return what the model can show of a slot's episode, for films; ``None`` if nothing."""
        return self._reader.sketch(slot)

    def fail(self, error: Exception) -> None:
        """Keep an error of the model for :meth:`check`; raise it unless ``patient``."""
        if not self._patient:
            raise error
        self.fault = error

    def check(self) -> None:
        """Report what a ``patient`` potential has kept to itself.

        Raises:
            Exception: What the model raised, if it did.
            ModelError: If too many of the last readings failed.
        """
        if self.fault is not None:
            self._tally.forget()  # so that a run can go on with a model that was mended
            raise self.fault
        self._tally.check()

    def get_state(self) -> PotentialState:
        """Return a copy of all that is remembered, to continue bit for bit by `set_state`."""
        return {
            "phi": self.phi.copy(),
            "progress": self.progress.copy(),
            "reading": self.reading.copy(),
            "success": self.success.copy(),
            "confidence": self.confidence.copy(),
            "status": self.status.copy(),
            "fresh": self.fresh.copy(),
            "held": self.held.copy(),
            "smoothing": [None if m is None else m.copy() for m in self._smoothing],
            "failures": self._tally.get_state(),
            "reader": self._reader.get_state(),
        }

    def set_state(self, state: PotentialState) -> None:
        """Continue from a state of `get_state`, made with the same model and number of slots.

        Raises:
            ShapingError: If the number of slots differs.
        """
        if len(state["phi"]) != len(self):
            raise ShapingError(
                f"The saved potential has {len(state['phi'])} slots and this one {len(self)};"
                " resume with the number of environments that the run began with."
            )
        self.phi[:] = state["phi"]
        self.progress[:] = state["progress"]
        self.reading[:] = state["reading"]
        self.success[:] = state["success"]
        self.confidence[:] = state["confidence"]
        self.status[:] = state["status"]
        self.fresh[:] = state["fresh"]
        self.held[:] = state["held"]
        self._smoothing = [None if m is None else m.copy() for m in state["smoothing"]]
        self._tally.set_state(state["failures"])
        self._reader.set_state(state["reader"])

    def _opened(self, slot: int, task: Task, frames: Frames) -> Reading:
        if self.fault is None:
            try:
                return self._reader.open(slot, task, frames)
            except Exception as error:  # kept, and raised by `check`
                self.fail(error)
        return Reading(status=Status.MODEL_ERROR, reason=f"{self.fault}")

    def _read(self, frames: Mapping[int, Frames]) -> Mapping[int, Reading]:
        if self.fault is None:
            try:
                return self._reader.read(frames)
            except Exception as error:  # kept, and raised by `check`
                self.fail(error)
        return dict.fromkeys(frames, Reading(status=Status.MODEL_ERROR, reason=f"{self.fault}"))

    def _take(self, slot: int, reading: Reading) -> None:
        """Renew the potential where the reading is good and the slot not held by order."""
        self.status[slot] = reading.status
        if reading.status is not Status.OK:
            return
        self.reading[slot] = reading.progress
        self.success[slot] = reading.success
        self.confidence[slot] = reading.confidence
        if self.held[slot]:
            return
        self.progress[slot] = self._smoothed(slot, reading.progress)
        self.phi[slot] = self.scale * (self.progress[slot] + self.shift)
        self.fresh[slot] = True

    def _smoothed(self, slot: int, reading: float) -> float:
        if self._smoother is None:
            return reading
        memory = self._smoothing[slot]
        memory = (
            self._smoother.begin(reading)
            if memory is None
            else self._smoother.step(memory, reading)
        )
        self._smoothing[slot] = memory
        return float(memory[0])
