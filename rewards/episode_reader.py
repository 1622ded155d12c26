"""The border to a reward model: late, wrong and missing answers become a status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypedDict, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.ending import EndsEpisodes
from kibble.rewards.episode_memory import EpisodeState, episode_state, restored_episode
from kibble.rewards.errors import (
    KibbleError,
    ModelError,
    ServiceAwayError,
    ShapingError,
    add_note,
)
from kibble.rewards.frame_change import Thumbnails, frame_change, thumbnails
from kibble.rewards.frames import check_frames, concatenate_frames, resize_frames
from kibble.rewards.keypoints.sketch import Sketch, Sketches
from kibble.rewards.types import Episode, Estimate, Frames, RewardModel, Status, Task
from kibble.rewards.whole_episode import require_causal

__all__ = ["EpisodeReader", "EpisodeReaderState", "Reading"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of one frame.

    Args:
        status: Anything but ``OK`` means that the other figures are NaN.
        progress: In [0, 1].
        success: Probability in [0, 1]; NaN for a start frame.
        confidence: In [0, 1]; NaN for a start frame.
        disagreement: Distance in [0, 1] of two readings of the frame, where the model leaves one
            in its episode's memory; else NaN.
        change: How much the frame differs from the slot's last one, in [0, 1]; see
            :func:`kibble.rewards.frame_change.frame_change`. Known whatever the status.
        reason: Why it failed, for the log.
        excused: Whether the failure says nothing against the model.
    """

    status: Status
    progress: float = np.nan
    success: float = np.nan
    confidence: float = np.nan
    disagreement: float = np.nan
    change: float = np.nan
    reason: str = ""
    excused: bool = False


class EpisodeReaderState(TypedDict):
    """All that an :class:`EpisodeReader` remembers."""

    episodes: list[EpisodeState | None]
    versions: list[str]
    unopened: dict[str, str]
    waiting: dict[str, EpisodeState]
    seen: list[dict[str, NDArray[np.uint8]] | None]


@final
class EpisodeReader:
    """Opens episodes of N slots and reads their frames by one model.

    ===========================================  ==========================================
    what the model does                          status of all frames of that call
    ===========================================  ==========================================
    raises ``TimeoutError``                      TIMEOUT
    raises ``ConnectionError``, or ``ModelError``  MODEL_ERROR
    (an :class:`Estimate` of NaN raises that)
    raises ``ServiceAwayError``                  MODEL_ERROR, excused
    changes its version                          STALE, excused, until an episode's end: one
                                                 episode is read by one version
    goes back to an old version in an episode    ``ModelError``: two versions answer in turn
    answers another number of frames, or no      ``ModelError``
    :class:`Status`
    raises anything else                         the exception, with a note that names the model
    ===========================================  ==========================================

    An episode that cannot be opened for the first two reasons stays unopened, and all its frames
    have that status; one that a service was away for is opened as soon as it is back.

    Args:
        model: The reward model.
        slots: N.

    Attributes:
        versions: Version of the model that each slot's episode was opened with; "" before.

    Raises:
        ConfigError: If the model reads whole episodes only.
    """

    def __init__(self, model: RewardModel, slots: int) -> None:
        require_causal(model.spec)
        self.model = model
        self.versions = [""] * slots
        self._episodes: list[Episode | None] = [None] * slots
        self._unopened: dict[int, Status] = {}
        self._waiting: dict[int, Episode] = {}  # not open yet; the memory is the start frames
        self._seen: list[Thumbnails | None] = [None] * slots
        self._left: set[int] = set()  # slots whose version is not the model's any more

    def __len__(self) -> int:
        return len(self._episodes)

    def open(self, slot: int, task: Task, frames: Frames) -> Reading:
        """Open an episode and read its start frames, (1, H, W, 3) uint8 RGB per view.

        Raises:
            FrameError: If frames do not suit the model.
            ModelError: If the model needs goal frames that the task lacks.
        """
        spec = self.model.spec
        if spec.needs_goal and task.goal_frames is None:
            raise ModelError(
                f"Reward model {spec.name!r} needs `goal_frames` in the task, got none; give a "
                "picture of the finished scene (reward.goal=finished.png in a run, else a `Task` "
                "with them), or choose a model that reads the instruction alone."
            )
        suited = self._suited(frames)
        self._seen[slot] = thumbnails(suited)
        return self._begin(slot, task, suited)

    def _begin(self, slot: int, task: Task, suited: Frames) -> Reading:
        self.end(slot)
        self._waiting.pop(slot, None)
        self._left.discard(slot)
        try:
            episode = self.model.begin(task, suited)
            if not 0.0 <= episode.progress <= 1.0:
                raise ModelError(
                    f"a start frame must have progress in [0, 1], got {episode.progress}."
                )
        except (TimeoutError, ConnectionError, ModelError) as error:
            failed = _failed(error)
            self._unopened[slot] = failed.status
            if failed.excused:
                self._waiting[slot] = Episode(task=task, memory=dict(suited))
            return failed
        except Exception as error:
            self._explain(error)
            raise
        self._unopened.pop(slot, None)
        self._episodes[slot] = episode
        self.versions[slot] = self.model.spec.version  # opening may have met a newer one
        return Reading(status=Status.OK, progress=float(episode.progress))

    def read(self, frames: Mapping[int, Frames]) -> dict[int, Reading]:
        """Read the newest frames of the slots named, all that can be read in one call.

        Raises:
            FrameError: If frames do not suit the model.
            ModelError: See the table.
            ShapingError: If a slot was never opened.
        """
        suited = {slot: self._suited(newest) for slot, newest in frames.items()}
        readings = {slot: self._refused(slot) for slot in frames}
        asked = {slot: suited[slot] for slot, reading in readings.items() if reading is None}
        if asked:
            readings |= self._ask(asked)
        return {
            slot: replace(reading, change=self._changed(slot, suited[slot]))
            for slot, reading in readings.items()
            if reading is not None
        }

    def end(self, slot: int) -> None:
        """Let go of a slot's episode, if one is open; nothing of it is read any more."""
        last = self._episodes[slot]
        if last is not None and isinstance(self.model, EndsEpisodes):
            self.model.end([last])
        self._episodes[slot] = None

    def sketch(self, slot: int) -> Sketch | None:
        """Return what the model can show of a slot's open episode, if anything."""
        episode = self._episodes[slot]
        if episode is None or not isinstance(self.model, Sketches):
            return None
        return self.model.sketch(episode)

    def get_state(self) -> EpisodeReaderState:
        """Return a copy of all that is remembered, to continue bit for bit by `set_state`."""
        return {
            "episodes": [None if e is None else episode_state(e) for e in self._episodes],
            "versions": list(self.versions),
            "unopened": {str(slot): status.name for slot, status in self._unopened.items()},
            "waiting": {str(slot): episode_state(e) for slot, e in self._waiting.items()},
            "seen": [None if seen is None else dict(seen) for seen in self._seen],
        }

    def set_state(self, state: EpisodeReaderState) -> None:
        """Continue from a state of `get_state`, made with the same number of slots."""
        self._episodes = [None if e is None else restored_episode(e) for e in state["episodes"]]
        self.versions = list(state["versions"])
        self._unopened = {int(slot): Status[name] for slot, name in state["unopened"].items()}
        waiting = state.get("waiting", {})  # not in checkpoints of earlier versions
        self._waiting = {int(slot): restored_episode(e) for slot, e in waiting.items()}
        self._seen = list(state["seen"])
        self._left = set()

    def _refused(self, slot: int) -> Reading | None:
        """Return the failure of a slot that is not to be asked about, or None."""
        if slot in self._waiting:
            waiting = self._waiting[slot]
            opened = self._begin(slot, waiting.task, cast("Frames", waiting.memory))
            if opened.status is not Status.OK:
                return opened
        if slot in self._unopened:
            return Reading(status=self._unopened[slot], reason="the episode could not be opened")
        if self._episodes[slot] is None:
            raise ShapingError(
                f"Slot {slot} has no open episode; call `begin` (or `reset`) first."
            )
        spec = self.model.spec
        if spec.version != self.versions[slot]:
            return self._outdated(slot)
        if slot in self._left:
            raise ModelError(
                f"Reward model {spec.name!r} must keep its version for an episode, got "
                f"{spec.version!r} again after another; two versions answer in turn: pin one."
            )
        return None

    def _outdated(self, slot: int) -> Reading:
        self._left.add(slot)
        return Reading(
            status=Status.STALE,
            reason=f"version {self.model.spec.version!r} answers, the episode began with "
            f"{self.versions[slot]!r}",
            excused=True,
        )

    def _changed(self, slot: int, frames: Frames) -> float:
        small, before = thumbnails(frames), self._seen[slot]
        self._seen[slot] = small
        return np.nan if before is None else frame_change(before, small)

    def _ask(self, frames: Mapping[int, Frames]) -> dict[int, Reading | None]:
        name, slots = self.model.spec.name, list(frames)
        batch = concatenate_frames(list(frames.values()))
        episodes = [episode for slot in slots if (episode := self._episodes[slot]) is not None]
        try:
            estimate = self.model.estimate(episodes, batch)
        except (TimeoutError, ConnectionError, ModelError) as error:
            return dict.fromkeys(slots, _failed(error))
        except Exception as error:
            self._explain(error)
            raise
        if len(estimate) != len(slots):
            raise ModelError(
                f"Reward model {name!r} must answer one value per frame, {len(slots)}, got "
                f"{len(estimate)}; mend the model."
            )
        known = np.isin(estimate.status, [int(status) for status in Status])
        if not known.all():
            raise ModelError(
                f"Reward model {name!r} must answer a `Status`, got {estimate.status[~known][0]};"
                " mend the model."
            )
        version = self.model.spec.version  # it may have changed while it answered
        return {
            slot: _reading(estimate, episodes[i], i)
            if version == self.versions[slot]
            else self._outdated(slot)
            for i, slot in enumerate(slots)
        }

    def _suited(self, frames: Frames) -> Frames:
        """Keep the model's views of one frame, at the model's size."""
        spec = self.model.spec
        check_frames(frames, views=spec.required_views, count=1)
        return {
            view: resize_frames(frames[view], spec.image_size)
            for view in spec.views
            if view in frames
        }

    def _explain(self, error: Exception) -> None:
        if isinstance(error, KibbleError):  # it says itself what to do
            return
        spec = self.model.spec
        add_note(
            error,
            f"Reward model {spec.name!r} (version {spec.version!r}) raised this. Mend the model; "
            "one that cannot answer returns a `Status` other than OK, or raises TimeoutError.",
        )


def _reading(estimate: Estimate, episode: Episode, i: int) -> Reading:
    status = Status(int(estimate.status[i]))
    if status is not Status.OK:
        return Reading(status=status)
    return Reading(
        status=status,
        progress=float(estimate.progress[i]),
        success=float(estimate.success[i]),
        confidence=float(estimate.confidence[i]),
        disagreement=_number(episode.memory.get("disagreement")),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, float) else np.nan


def _failed(error: Exception) -> Reading:
    late = isinstance(error, TimeoutError)
    return Reading(
        status=Status.TIMEOUT if late else Status.MODEL_ERROR,
        reason=str(error),
        excused=isinstance(error, ServiceAwayError),
    )
