"""Scalars, journal and picture of the monitor, and a stop between rollouts that loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast, final

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from kibble.agents.monitoring.journal import Journal, read_journal
from kibble.agents.monitoring.monitored_vec_env import MonitoredVecEnv, find_monitored
from kibble.agents.monitoring.picture import draw_monitor
from kibble.agents.run_directory import RunDirectory
from kibble.agents.scoring.scoring import Scoring
from kibble.agents.scoring.source import find_source
from kibble.rewards.errors import add_note
from kibble.rewards.monitor.over_episodes import WatchedEpisode

__all__ = ["RunGuard"]


@final
class RunGuard(BaseCallback):
    """Logs what the monitor measures, and stops a run that must not go on.

    A run is stopped where its reward model fails too often or raises, and where the monitor's
    action says so: between rollouts alone, where every transition is stored and every update done,
    after a checkpoint was written.

    Args:
        venv: The training environments, however wrapped.
        directory: Where journal and picture go.
        save: Writes a checkpoint.
        resumed: The checkpoint that training goes on from, or ``None``.
    """

    def __init__(
        self,
        venv: VecEnv,
        directory: RunDirectory,
        save: Callable[[], None],
        *,
        resumed: Mapping[str, object] | None,
    ) -> None:
        super().__init__()
        source = find_source(venv)
        self._scoring = source if isinstance(source, Scoring) else None
        self._monitored = find_monitored(venv)
        self._directory = directory
        self._save = save
        if self._monitored is not None:
            self._monitored.journal = Journal(directory.monitor, keep=_known_bytes(resumed))

    def close(self) -> None:
        """Close the journal and draw what is in it."""
        if self._monitored is not None and self._monitored.journal is not None:
            self._monitored.journal.close()
            self._monitored.journal = None
            rows = read_journal(self._directory.monitor)
            draw_monitor(rows, self._monitored.monitor.thresholds, self._directory.monitor_picture)

    def _on_rollout_start(self) -> None:
        self._stop_if_in_trouble()

    def _on_step(self) -> bool:
        if self._scoring is not None:
            failures = self._scoring.shaper.potential.failures
            self.logger.record("reward_model/failed_readings", float(sum(failures.values())))
        if self._monitored is not None:
            for episode in self._monitored.take_episodes():
                self._record(self._monitored, episode)
        return True

    def _on_training_end(self) -> None:
        if self._scoring is not None:
            self._scoring.settle()
        self._stop_if_in_trouble()

    def _stop_if_in_trouble(self) -> None:
        trouble = self._trouble()
        if trouble is not None:
            self._save()
            add_note(
                trouble,
                "A checkpoint was written. Once this is mended, go on with: kibble train "
                f"run={self._directory.path} resume=true",
            )
            raise trouble

    def _trouble(self) -> Exception | None:
        if self._scoring is not None:
            try:
                self._scoring.shaper.potential.check()
            except Exception as error:
                return error
        return None if self._monitored is None else self._monitored.reason_to_stop()

    def _record(self, monitored: MonitoredVecEnv, episode: WatchedEpisode) -> None:
        means = {
            "falls": float(episode.falls),
            "still": float(episode.still),
            "disagreement": episode.disagreement,
            "unearned": episode.unearned,
        }
        for name, value in means.items():
            if not np.isnan(value):
                self.logger.record_mean(f"monitor/{name}", value)
        newest = {
            "false_success_rate": monitored.monitor.false_successes.rate,
            "spread": monitored.monitor.spread,
            "findings": float(sum(monitored.findings.values())),
            "alarms": float(len(monitored.monitor.active)),
        }
        for name, value in newest.items():
            if not np.isnan(value):
                self.logger.record(f"monitor/{name}", value)


def _known_bytes(resumed: Mapping[str, object] | None) -> int | None:
    """Return the length of the journal that a checkpoint knows of, ``None`` to keep all of it."""
    if resumed is None:
        return 0
    wrappers = cast("Mapping[str, Mapping[str, int]]", resumed["wrappers"])
    state = wrappers.get(MonitoredVecEnv.__name__)
    return None if state is None else state["journal_bytes"]
