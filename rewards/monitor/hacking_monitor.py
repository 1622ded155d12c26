"""All detectors over the steps of N environments, in the order in which they were scored."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.monitor.episode_watch import EpisodeWatch
from kibble.rewards.monitor.finding import Finding, Severity
from kibble.rewards.monitor.over_episodes import (
    LEAST_FAILURES,
    FalseSuccesses,
    WatchedEpisode,
    false_successes,
    trend,
)
from kibble.rewards.monitor.sentences import sentence
from kibble.rewards.monitor.thresholds import Thresholds
from kibble.rewards.potential import Potential
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.types import Status

__all__ = ["DETECTORS", "HackingMonitor"]

DETECTORS = (
    "oscillating_progress",
    "frozen_progress",
    "disagreement",
    "reward_collapse",
    "false_success",
    "paid_failure",
    "divergence",
)
"""Names of all detectors. The first three speak of an episode; repeated they are alarms."""

_SPREAD_OVER = 400  # readings
_SPREAD_EVERY = 10  # steps of all environments
_LONGER = 4  # times as many episodes are kept for trends, which are slow
_Z = 2.5


@final
class HackingMonitor:
    """Watches what a reward model says and pays, and says when that can be, or is, farmed.

    It reads the model's answers, the terms that were paid, and the primary reward, which the agent
    is paid anyway; a simulator's own progress or success is not looked at. What it finds may
    therefore change the reward. All detectors are causal: they know what was scored until now.

    Args:
        slots: N, environments side by side.
        gamma: The agent's discount factor.
        thresholds: When a measure becomes a finding.

    Attributes:
        active: Detectors whose alarm goes on, N episodes being looked at.
        episodes: The newest finished episodes, four times as many as the thresholds look at.
        ended: Those of them that the newest step ended.
        finished: How many episodes have ended.
        spread: Standard deviation of the newest 400 readings of all environments; NaN before.
    """

    def __init__(self, slots: int, *, gamma: float, thresholds: Thresholds | None = None) -> None:
        self.thresholds = Thresholds() if thresholds is None else thresholds
        self.active: set[str] = set()
        self.episodes: deque[WatchedEpisode] = deque(maxlen=_LONGER * self.thresholds.episodes)
        self.ended: list[WatchedEpisode] = []
        self.finished = 0
        self.spread = np.nan
        self._gamma = gamma
        self._running: list[EpisodeWatch | None] = [None] * slots
        self._flags: deque[list[str]] = deque(maxlen=self.thresholds.episodes)
        self._readings: deque[float] = deque(maxlen=_SPREAD_OVER)
        self._steps = 0
        self._success_pays = 1.0
        self._found: list[Finding] = []

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """(N,) whether the running episode of each slot shows a finding."""
        return np.array([watch is not None and bool(watch.flagged) for watch in self._running])

    @property
    def false_successes(self) -> FalseSuccesses:
        """How often true failures among the newest episodes were judged successes."""
        return false_successes(self._newest())

    def watch(self, potential: Potential, step: ShapedStep) -> list[Finding]:
        """Take in one step of all slots, right after it was scored.

        Args:
            potential: What read it.
            step: What was paid, and why.

        Returns:
            What is new: a finding of an episode once in that episode, an alarm once until it has
            ended.
        """
        signals, self._found, self.ended = step.signals, [], []
        self._steps += len(signals)
        model = step.shaping
        self._success_pays = max(self._success_pays, float(signals.task.max()))
        for slot in range(len(signals)):
            watch = self._running[slot]
            if watch is None:
                watch = self._running[slot] = EpisodeWatch(
                    self.thresholds,
                    progress=float(signals.progress[slot]),
                    potential=float(signals.weight[slot] * signals.phi[slot]),
                )
            reading = potential.readings[slot]
            if reading is not None and reading.status is Status.OK:
                self._readings.append(reading.progress)
                watch.read(reading)
                self._look_at_episode(slot, watch)
            ends = bool(signals.terminated[slot] | signals.truncated[slot])
            task = float(signals.task[slot])
            watch.pay(task=task, model=float(model[slot]), gamma=self._gamma, ends=ends)
            if ends:
                weighed = float(signals.next_weight[slot] * signals.next_phi[slot])
                episode = watch.finished(
                    number=self.finished,
                    slot=slot,
                    step=self._steps,
                    task=task,
                    potential=0.0 if signals.terminated[slot] else weighed,
                )
                self._finish(episode, watch)
        self._look_at_spread()
        return self._found

    def forget_running(self) -> None:
        """Forget the running episodes: the environments were reset."""
        self._running = [None] * len(self._running)

    def get_state(self) -> dict[str, object]:
        """Return a copy of all that is remembered, to continue by `set_state`."""
        return {
            "active": sorted(self.active),
            "episodes": [asdict(episode) for episode in self.episodes],
            "spread": self.spread,
            "running": [None if watch is None else watch.get_state() for watch in self._running],
            "flags": [list(flags) for flags in self._flags],
            "readings": list(self._readings),
            "counts": [self.finished, self._steps],
            "success_pays": self._success_pays,
        }

    def set_state(self, state: Mapping[str, object], *, running: bool = True) -> None:
        """Continue from a state of `get_state`, made with as many slots.

        Args:
            state: The state.
            running: Whether the episodes that were running go on too.
        """
        self.active = set(cast("list[str]", state["active"]))
        episodes = cast("list[dict[str, object]]", state["episodes"])
        self.episodes.clear()
        self.episodes.extend(WatchedEpisode(**row) for row in episodes)  # type: ignore[arg-type]
        self.spread = cast("float", state["spread"])
        self._flags.clear()
        self._flags.extend(list(flags) for flags in cast("list[list[str]]", state["flags"]))
        self._readings.clear()
        self._readings.extend(cast("list[float]", state["readings"]))
        self.finished, self._steps = cast("list[int]", state["counts"])
        self._success_pays = cast("float", state["success_pays"])
        self.forget_running()
        if running:
            for slot, kept in enumerate(cast("list[dict[str, object] | None]", state["running"])):
                if kept is not None:
                    watch = EpisodeWatch(self.thresholds, progress=0.0, potential=0.0)
                    watch.set_state(kept)
                    self._running[slot] = watch

    def _look_at_episode(self, slot: int, watch: EpisodeWatch) -> None:
        limits = self.thresholds
        low, high = watch.span
        span = {"lowest": low, "highest": high}
        falls, still, disagreement = watch.falls, watch.still, watch.disagreement
        if falls >= limits.falls:
            self._warn("oscillating_progress", slot, watch, {"falls": falls, **span})
        if still >= limits.still:
            self._warn("frozen_progress", slot, watch, {"readings": still, **span})
        if disagreement >= limits.disagreement:  # NaN compares false
            self._warn("disagreement", slot, watch, {"distance": disagreement})

    def _finish(self, episode: WatchedEpisode, watch: EpisodeWatch) -> None:
        self.episodes.append(episode)
        self.ended.append(episode)
        self._flags.append(sorted(watch.flagged))
        self._running[episode.slot] = None
        self.finished += 1
        self._look_at_repetition()
        self._look_at_judgement()
        self._look_at_pay()
        self._look_at_trends()

    def _look_at_repetition(self) -> None:
        for detector in DETECTORS[:3]:
            count = sum(detector in flags for flags in self._flags)
            self._alarm(
                detector,
                on=count >= self.thresholds.repeated,
                evidence={"episodes": count, "of": len(self._flags)},
            )

    def _look_at_judgement(self) -> None:
        found = self.false_successes
        self._alarm(
            "false_success",
            on=found.failures >= LEAST_FAILURES and found.low > self.thresholds.false_success,
            evidence=asdict(found),
        )

    def _look_at_pay(self) -> None:
        failed = [episode for episode in self._newest() if episode.succeeded is False]
        unearned = float(np.mean([e.unearned for e in failed])) if failed else 0.0
        share = unearned / self._success_pays
        self._alarm(
            "paid_failure",
            on=len(failed) >= LEAST_FAILURES and share >= self.thresholds.unearned,
            evidence={"failures": len(failed), "unearned": unearned, "share": share},
        )

    def _look_at_trends(self) -> None:
        model = trend([episode.progress for episode in self.episodes])
        task = trend([episode.task_return for episode in self.episodes])
        enough = len(self.episodes) >= 2 * self.thresholds.episodes
        self._alarm(
            "divergence",
            on=enough and model.z > _Z and task.z < -_Z,
            evidence={
                "progress_before": model.before,
                "progress_after": model.after,
                "task_before": task.before,
                "task_after": task.after,
            },
        )

    def _newest(self) -> list[WatchedEpisode]:
        return list(self.episodes)[-self.thresholds.episodes :]

    def _look_at_spread(self) -> None:
        steps = self._steps // len(self._running)
        if len(self._readings) < _SPREAD_OVER or steps % _SPREAD_EVERY:
            return
        self.spread = float(np.std(self._readings))
        self._alarm(
            "reward_collapse",
            on=self.spread < self.thresholds.spread,
            evidence={"spread": self.spread, "mean": float(np.mean(self._readings))},
        )

    def _warn(
        self, detector: str, slot: int, watch: EpisodeWatch, evidence: Mapping[str, float]
    ) -> None:
        if detector not in watch.flagged:
            watch.flagged.add(detector)
            self._add(detector, Severity.WARNING, slot, evidence)

    def _alarm(self, detector: str, *, on: bool, evidence: Mapping[str, float]) -> None:
        if on and detector not in self.active:
            self.active.add(detector)
            self._add(detector, Severity.ALARM, None, evidence)
        elif not on:
            self.active.discard(detector)

    def _add(
        self,
        detector: str,
        severity: Severity,
        slot: int | None,
        evidence: Mapping[str, float],
    ) -> None:
        figures = {name: float(value) for name, value in evidence.items()}
        self._found.append(
            Finding(
                detector=detector,
                severity=severity,
                slot=slot,
                episode=self.finished if slot is not None else max(0, self.finished - 1),
                step=self._steps,
                evidence=figures,
                sentence=sentence(detector, severity, figures),
            )
        )
