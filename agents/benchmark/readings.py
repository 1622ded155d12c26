"""What one model said of every showing, and keeping it on disk."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.plan import Purpose, Showing, showing_task, shown_frames
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.frame_rate import at_frame_rate
from kibble.rewards.types import Estimate, Frames, RewardModel, Status, Task
from kibble.rewards.whole_episode import read_videos

__all__ = [
    "Reading",
    "Readings",
    "frames_of",
    "load_readings",
    "mark_of_data",
    "mark_of_readings",
    "read_all",
    "save_readings",
]


_FRAMES_AT_ONCE = 2000  # and up to seven times as many of their rearranged copies


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A model's reading of one showing; what it did not answer holds the value before.

    Args:
        showing: What it was shown and asked.
        progress: (T,) float32 in [0, 1].
        success: (T,) float32.
        confidence: (T,) float32.
        answered: (T,) bool.
    """

    showing: Showing
    progress: NDArray[np.float32]
    success: NDArray[np.float32]
    confidence: NDArray[np.float32]
    answered: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """All readings of one model.

    Args:
        items: In the order of the plan, without those that the model could not be asked.
        skipped: How many it could not be asked, because there are no goal frames.
    """

    items: tuple[Reading, ...]
    skipped: int = 0
    _by_trial: dict[tuple[str, int], list[Reading]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for item in self.items:
            key = item.showing.purpose, item.showing.trial
            self._by_trial.setdefault(key, []).append(item)

    def of(self, purpose: Purpose, trial: int) -> list[Reading]:
        """The readings of a trial for one purpose."""
        return self._by_trial.get((purpose, trial), [])

    def only(self, trials: Sequence[int]) -> Readings:
        """The readings of some trials, which are numbered anew in the order given.

        What is asked of other trials keeps their old numbers.
        """
        place = {trial: number for number, trial in enumerate(trials)}
        return Readings(
            items=tuple(
                replace(item, showing=replace(item.showing, trial=place[item.showing.trial]))
                for item in self.items
                if item.showing.trial in place
            )
        )

    def own(self, trial: int) -> Reading | None:
        """The reading of a trial with its own instruction."""
        found = self.of("own", trial)
        return found[0] if found else None


def read_all(
    model: RewardModel,
    trials: Sequence[Trial],
    showings: Sequence[Showing],
    *,
    with_goal: bool,
    batch: int = 32,
    on_frame: Callable[[int], None] | None = None,
) -> Readings:
    """Show a model all that is planned; some 2,000 frames of trials are in memory at once.

    Args:
        model: The model.
        trials: The trials.
        showings: What to show.
        with_goal: Whether it is given goal frames.
        batch: Most frames in one call of the model.
        on_frame: Called with the number of frames just read or skipped.
    """
    tasks = [showing_task(trials, showing, with_goal=with_goal) for showing in showings]
    estimates: dict[int, Estimate] = {}
    for part in _parts(trials, showings, batch):
        videos: list[tuple[Task, Frames]] = []
        numbers: list[int] = []
        for trial, wanted in part.items():
            frames = trials[trial].load()
            for number in wanted:
                task = tasks[number]
                if task is None:
                    if on_frame is not None:
                        on_frame(frames_of(trials, showings[number]))
                    continue
                videos.append((task, shown_frames(frames, showings[number])))
                numbers.append(number)
        rate = trials[next(iter(part))].frame_rate  # equal in each part
        told = model if rate is None else at_frame_rate(model, rate)
        read = read_videos(told, videos, batch=batch, on_frame=on_frame)
        estimates.update(zip(numbers, read, strict=True))
    items = [_reading(showings[number], estimates[number]) for number in sorted(estimates)]
    return Readings(items=tuple(items), skipped=len(showings) - len(items))


def frames_of(trials: Sequence[Trial], showing: Showing) -> int:
    """How many frames a showing has."""
    return trials[showing.trial].steps if showing.order is None else len(showing.order)


def _parts(
    trials: Sequence[Trial], showings: Sequence[Showing], batch: int
) -> Iterator[dict[int, list[int]]]:
    """Yield trials that are shown equally often, with their showings: what memory holds at once.

    All of one frame rate, for models that read at a rate of their own. Equally often, because the
    frames of one call are then the frames of the next one too, which a model that keeps its latest
    encodings need not encode again.
    """
    wanted: dict[int, list[int]] = {}
    for number, showing in enumerate(showings):
        wanted.setdefault(showing.trial, []).append(number)
    alike: dict[tuple[int, int, float | None], list[int]] = {}
    for trial, numbers in wanted.items():
        form = len(numbers), trials[trial].steps, trials[trial].frame_rate
        alike.setdefault(form, []).append(trial)
    for (_, steps, _), members in alike.items():
        together = max(1, min(batch, _FRAMES_AT_ONCE // steps))
        for begin in range(0, len(members), together):
            yield {trial: wanted[trial] for trial in members[begin : begin + together]}


def _reading(showing: Showing, estimate: Estimate) -> Reading:
    answered = estimate.status == Status.OK
    last = np.maximum.accumulate(np.where(answered, np.arange(len(answered)), -1))

    def held(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(last >= 0, values[np.maximum(last, 0)], np.float32(0.0))

    return Reading(
        showing=showing,
        progress=held(estimate.progress),
        success=held(estimate.success),
        confidence=held(estimate.confidence),
        answered=answered,
    )


def mark_of_data(trials: Sequence[Trial], showings: Sequence[Showing]) -> str:
    """Tell data apart: what is shown, its sentences, and its first and last pictures."""
    marks = []
    for trial in trials:
        mark = 0
        for view, array in sorted(trial.load().items()):
            mark = zlib.crc32(array[:: max(1, len(array) - 1)].tobytes(), mark)
            mark = zlib.crc32(view.encode(), mark)
        marks.append((trial.name, trial.steps, trial.sentences, trial.frame_rate, mark))
    document = [marks, [repr(showing) for showing in showings]]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def mark_of_readings(model: RewardModel, data: str, *, with_goal: bool) -> str:
    """Tell readings apart: the data's mark, the model with its weights, and goal frames or not."""
    document = [model.spec.name, model.spec.version, with_goal, data]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def save_readings(path: Path, readings: Readings, showings: Sequence[Showing], mark: str) -> None:
    """Write readings in one step."""
    place = {id(showing): number for number, showing in enumerate(showings)}
    items = readings.items
    columns = [
        np.concatenate([getattr(item, name) for item in items]) if items else np.zeros(0)
        for name in ("progress", "success", "confidence", "answered")
    ]
    aside = path.with_name(f".{path.name}.unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            mark=np.asarray(mark),
            numbers=np.array([place[id(item.showing)] for item in items], np.int64),
            lengths=np.array([len(item.progress) for item in items], np.int64),
            values=np.stack(columns[:3]).astype(np.float32),
            answered=columns[3].astype(np.bool_),
        )
    aside.replace(path)


def load_readings(path: Path, showings: Sequence[Showing], mark: str) -> Readings | None:
    """Read what :func:`save_readings` wrote; ``None`` if it is not there or of another mark."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if str(arrays["mark"]) != mark:
                return None
            numbers, lengths = arrays["numbers"], arrays["lengths"]
            values, answered = arrays["values"], arrays["answered"]
    except (FileNotFoundError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    ends = np.cumsum(lengths)
    items = []
    for number, end, length in zip(numbers, ends, lengths, strict=True):
        part = slice(int(end - length), int(end))
        items.append(
            Reading(
                showing=showings[int(number)],
                progress=values[0, part],
                success=values[1, part],
                confidence=values[2, part],
                answered=answered[part],
            )
        )
    return Readings(items=tuple(items), skipped=len(showings) - len(items))
