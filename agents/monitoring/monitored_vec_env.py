"""The hacking monitor in a training run: it sees every scored step, and acts on what it finds."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast, final

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from kibble.agents.monitoring.config import MonitorConfig
from kibble.agents.monitoring.journal import Journal
from kibble.agents.shaped_vec_env import ShapedVecEnv
from kibble.rewards.errors import RewardHackingError
from kibble.rewards.monitor import Finding, HackingMonitor, Severity, Thresholds, WatchedEpisode
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.shaper import Shaper

__all__ = ["MonitoredVecEnv", "find_monitored"]

_LOGGER = logging.getLogger(__name__)


@final
class MonitoredVecEnv(VecEnvWrapper):
    """Watches the steps of a :class:`ShapedVecEnv` as they are scored; passes all else through.

    Args:
        venv: Shapes the rewards.
        config: What counts as a finding, and what is done about it.

    Attributes:
        monitor: All detectors.
        findings: How often each detector has spoken, in all parts of the run.
        journal: Where episodes and findings go, or ``None``.
    """

    def __init__(self, venv: ShapedVecEnv, config: MonitorConfig) -> None:
        super().__init__(venv)
        self.monitor = HackingMonitor(
            venv.num_envs,
            gamma=venv.shaping_gamma,
            thresholds=Thresholds(
                falls=config.falls,
                still=config.still,
                disagreement=config.disagreement,
                spread=config.spread,
                false_success=config.false_success,
                unearned=config.unearned,
                episodes=config.episodes,
                repeated=config.repeated,
            ),
        )
        self.findings: Counter[str] = Counter()
        self.journal: Journal | None = None
        self._config = config
        self._scoring = venv.scoring
        self._scoring.observers.append(self._observe)
        self._fresh: list[WatchedEpisode] = []
        self._alarm: Finding | None = None

    def reset(self) -> VecEnvObs:
        """Reset all environments; episodes that were running are forgotten."""
        self.settle()
        self.monitor.forget_running()
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Pass the step through; it is watched when it is scored."""
        return self.venv.step_wait()

    def take_episodes(self) -> list[WatchedEpisode]:
        """Return the episodes that were scored to their end since the last call."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def reason_to_stop(self) -> RewardHackingError | None:
        """Return why the run must stop, if an alarm says so and the action is to stop."""
        if self._alarm is None or self._config.action != "stop":
            return None
        return RewardHackingError(
            f"The monitor stopped the run (monitor.action=stop): {self._alarm.sentence} A "
            "checkpoint was written; go on with resume=true monitor.action=warn, or mend the "
            "reward and train anew."
        )

    def settle(self) -> None:
        """Score all that waits."""
        self._scoring.settle()

    def get_state(self) -> dict[str, object]:
        """Return a copy of all that is remembered, to continue by `set_state`."""
        self.settle()
        return {
            "monitor": self.monitor.get_state(),
            "findings": dict(self.findings),
            "journal_bytes": 0 if self.journal is None else self.journal.sync(),
        }

    def set_state(self, state: Mapping[str, object], *, running: bool = True) -> None:
        """Continue from a state of `get_state`.

        Args:
            state: The state.
            running: Whether the episodes that were running go on too.
        """
        self.settle()
        kept = cast("Mapping[str, object]", state["monitor"])
        self.monitor.set_state(kept, running=running)
        self.findings = Counter(cast("dict[str, int]", state["findings"]))
        self._fresh = []

    def _observe(self, shaper: Shaper, step: ShapedStep) -> None:
        """Watch a step right after it was scored, in the thread that scores."""
        found = self.monitor.watch(shaper.potential, step)
        for episode in self.monitor.ended:
            self._fresh.append(episode)
            if self.journal is not None:
                self.journal.append("episode", {**asdict(episode), "spread": self.monitor.spread})
        for finding in found:
            self._report(finding)
        self._act(shaper)

    def _report(self, finding: Finding) -> None:
        self.findings[finding.detector] += 1
        count = self.findings[finding.detector]
        if finding.severity is Severity.ALARM:
            self._alarm = finding
        # Alarms are few; warnings at 1, 2, 4, 8, …: enough to be seen, too few to flood a log.
        if finding.severity is Severity.ALARM or count & (count - 1) == 0:
            place = "" if finding.slot is None else f" in environment {finding.slot}"
            _LOGGER.warning(
                "Reward monitor, %s%s, step %d: %s (%s found %d times so far.)",
                finding.severity.value,
                place,
                finding.step,
                finding.sentence,
                finding.detector,
                count,
            )
        if self.journal is not None:
            self.journal.append("finding", {**asdict(finding), "severity": finding.severity.value})

    def _act(self, shaper: Shaper) -> None:
        suspect = self.monitor.flagged | bool(self.monitor.active)  # (N,) bool
        if self._config.action == "hold":
            shaper.potential.held[:] = suspect
        elif self._config.action == "down_weight":
            shaper.weight = np.where(suspect, self._config.weight, 1.0)


def find_monitored(venv: VecEnv) -> MonitoredVecEnv | None:
    """Return the layer that watches the reward, or ``None`` where none does."""
    while isinstance(venv, VecEnvWrapper):
        if isinstance(venv, MonitoredVecEnv):
            return venv
        venv = venv.venv
    return None
