"""What a monitor remembers of one running episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, final

import numpy as np

from kibble.rewards.episode_reader import Reading
from kibble.rewards.monitor.over_episodes import WatchedEpisode, unearned_pay
from kibble.rewards.monitor.thresholds import Thresholds
from kibble.rewards.monitor.within_episode import (
    count_falls,
    mean_disagreement,
    still_readings,
)
from kibble.rewards.types import Status

__all__ = ["EpisodeWatch"]

_TOLERANCE = 0.001  # readings of a network that saw another frame differ by more
_MOTION = 0.02  # sum of mean pixel changes: a gripper crossing a tenth of the picture


@final
class EpisodeWatch:
    """Adds up the steps of one episode and measures its newest readings.

    Args:
        thresholds: How many readings are looked at, and what counts as a fall.
        progress: Progress of the start frame.
        potential: w_0 Phi_0.

    Attributes:
        falls: Falls of progress among the newest readings.
        still: Newest readings that did not react to motion.
        disagreement: Mean distance of two readings of the newest frames; NaN where there is none.
        flagged: Names of the detectors that have spoken in this episode.
    """

    def __init__(self, thresholds: Thresholds, *, progress: float, potential: float) -> None:
        self._thresholds = thresholds
        self._readings = [progress]
        self._changes = [np.nan]
        self._disagreements: list[float] = []
        self._first = potential
        self._discount = 1.0
        self._paid = 0.0
        self._sums = {"length": 0.0, "task_return": 0.0, "model_return": 0.0}
        self._paid_on_the_way = False
        self._judged = np.nan
        self._most_falls = 0
        self._most_still = 0
        self.falls = 0
        self.still = 0
        self.disagreement = np.nan
        self.flagged: set[str] = set()

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest of the newest readings."""
        return min(self._readings), max(self._readings)

    def read(self, reading: Reading) -> None:
        """Take in what became of a frame."""
        if reading.status is not Status.OK:
            return
        count = self._thresholds.readings
        self._readings = [*self._readings, reading.progress][-count:]
        self._changes = [*self._changes, reading.change][-count:]
        self._disagreements = [*self._disagreements, reading.disagreement][-count:]
        self._judged = reading.success
        self._measure()
        self._most_falls = max(self._most_falls, self.falls)
        self._most_still = max(self._most_still, self.still)

    def pay(self, *, task: float, model: float, gamma: float, ends: bool) -> None:
        """Take in what a step was paid."""
        self._sums["length"] += 1.0
        self._sums["task_return"] += task
        self._sums["model_return"] += model
        self._paid += self._discount * model
        self._discount *= gamma
        if task != 0.0 and not ends:
            self._paid_on_the_way = True

    def finished(
        self, *, number: int, slot: int, step: int, task: float, potential: float
    ) -> WatchedEpisode:
        """Return what is kept of the episode.

        Args:
            number: Of the episode.
            slot: Its environment.
            step: Environment steps until now.
            task: Primary reward of its last step.
            potential: w_T Phi_T; 0 where the episode terminated.
        """
        return WatchedEpisode(
            number=number,
            slot=slot,
            step=step,
            length=int(self._sums["length"]),
            succeeded=None if self._paid_on_the_way else task > 0.0,
            judged=float(self._judged),
            progress=float(self._readings[-1]),
            task_return=self._sums["task_return"],
            model_return=self._sums["model_return"],
            unearned=unearned_pay(self._paid, self._first, self._discount * potential),
            falls=self._most_falls,
            still=self._most_still,
            disagreement=self.disagreement,
        )

    def get_state(self) -> dict[str, object]:
        """Return a copy of all that is remembered, to continue by `set_state`."""
        return {
            "readings": list(self._readings),
            "changes": list(self._changes),
            "disagreements": list(self._disagreements),
            "numbers": [self._first, self._discount, self._paid, self._judged],
            "sums": dict(self._sums),
            "paid_on_the_way": self._paid_on_the_way,
            "most": [self._most_falls, self._most_still],
            "flagged": sorted(self.flagged),
        }

    def set_state(self, state: Mapping[str, object]) -> None:
        """Continue from a state of `get_state`."""
        self._readings = list(cast("list[float]", state["readings"]))
        self._changes = list(cast("list[float]", state["changes"]))
        self._disagreements = list(cast("list[float]", state["disagreements"]))
        numbers = cast("list[float]", state["numbers"])
        self._first, self._discount, self._paid, self._judged = numbers
        self._sums = dict(cast("dict[str, float]", state["sums"]))
        self._paid_on_the_way = cast("bool", state["paid_on_the_way"])
        self._most_falls, self._most_still = cast("list[int]", state["most"])
        self.flagged = set(cast("list[str]", state["flagged"]))
        self._measure()

    def _measure(self) -> None:
        self.falls = count_falls(self._readings, amplitude=self._thresholds.amplitude)
        self.still = still_readings(
            self._readings, self._changes, tolerance=_TOLERANCE, motion=_MOTION
        )
        self.disagreement = mean_disagreement(self._disagreements)
