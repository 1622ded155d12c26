"""Small honest reward models: deterministic readings of pixels, and ones that fail on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kibble.rewards import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task


class CentroidModel:
    """Progress is where the bright pixels' centroid lies: 0 at the left edge, 1 at the right.

    It keeps every batch that it was given, so that tests can count calls and frames.
    """

    def __init__(
        self,
        *,
        views: tuple[str, ...] = ("front",),
        required_views: tuple[str, ...] = ("front",),
        image_size: tuple[int, int] = (8, 32),
        needs_goal: bool = False,
    ) -> None:
        self._spec = ModelSpec(
            name="centroid",
            version="1",
            views=views,
            required_views=required_views,
            image_size=image_size,
            needs_goal=needs_goal,
        )
        self.begun: list[tuple[Task, Frames]] = []
        self.batches: list[Frames] = []

    @property
    def spec(self) -> ModelSpec:
        return self._spec

    def read(self, frames: Frames) -> np.ndarray:
        columns = frames["front"].astype(np.float64).sum(axis=(1, 3))  # (N, W)
        places = np.linspace(0.0, 1.0, columns.shape[1])
        mass = columns.sum(axis=1)
        progress = np.divide(columns @ places, mass, out=np.zeros(len(mass)), where=mass > 0)
        return np.clip(progress, 0.0, 1.0).astype(np.float32)

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        self.begun.append((task, start_frames))
        return Episode(
            task=task,
            progress=float(self.read(start_frames)[0]),
            memory={"trace": np.zeros(1, np.float32)},
        )

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        self.batches.append(frames)
        progress = self.read(frames)
        for episode, value in zip(episodes, progress, strict=True):
            episode.progress = float(value)
            episode.steps += 1
        return Estimate(
            progress=progress,
            success=(progress > 0.9).astype(np.float32),
            confidence=np.ones_like(progress),
            status=np.zeros(len(progress), np.int8),
        )


class SecondCentroidModel(CentroidModel):
    """The same with other weights, as far as anybody can tell."""

    @property
    def spec(self) -> ModelSpec:
        return replace(super().spec, version="2")


class SmoothedModel(CentroidModel):
    """Like `CentroidModel`, but averages over the episode: its memory decides its answers."""

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        raw = super().estimate(episodes, frames)
        progress = np.empty_like(raw.progress)
        for i, episode in enumerate(episodes):
            trace = episode.memory["trace"]
            assert isinstance(trace, np.ndarray)
            trace *= 0.5  # in place: a saved state must not share it
            trace += 0.5 * raw.progress[i]
            progress[i] = trace[0]
        return Estimate(
            progress=progress,
            success=raw.success,
            confidence=raw.confidence,
            status=raw.status,
        )


class FlakyModel(CentroidModel):
    """Answers with the given statuses in turn, and with NaN where they are not OK."""

    def __init__(self, statuses: Sequence[Status]) -> None:
        super().__init__()
        self._statuses = list(statuses)
        self._next = 0

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        good = super().estimate(episodes, frames)
        status = np.array(
            [self._statuses[(self._next + i) % len(self._statuses)] for i in range(len(good))],
            np.int8,
        )
        self._next += len(good)
        progress = np.where(status == Status.OK, good.progress, np.float32(np.nan))
        return Estimate(
            progress=progress.astype(np.float32),
            success=good.success,
            confidence=good.confidence,
            status=status,
        )


class NanModel(CentroidModel):
    """Says OK and answers NaN."""

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        n = len(episodes)
        nan = np.full(n, np.nan, np.float32)
        return Estimate(
            progress=nan, success=nan, confidence=nan, status=np.full(n, Status.OK, np.int8)
        )


class ShortModel(CentroidModel):
    """Answers one value too few."""

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        return super().estimate(
            episodes[:-1], {view: array[:-1] for view, array in frames.items()}
        )


class TroubledModel:
    """Another model, but for what its n-th call raises, and for its version.

    Args:
        trouble: From the number of a call of `estimate`, from 1, to what it raises, if anything.
        model: The model.
    """

    def __init__(
        self, trouble: Callable[[int], Exception | None], model: RewardModel | None = None
    ) -> None:
        self.trouble = trouble
        self.calls = 0
        self.begins = 0
        self.begin_trouble: Exception | None = None
        self.version = "1"
        self.model = CentroidModel() if model is None else model

    @property
    def spec(self) -> ModelSpec:
        return replace(self.model.spec, version=self.version)

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        self.begins += 1
        if self.begin_trouble is not None:
            raise self.begin_trouble
        return self.model.begin(task, start_frames)

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        self.calls += 1
        error = self.trouble(self.calls)
        if error is not None:
            raise error
        return self.model.estimate(episodes, frames)
