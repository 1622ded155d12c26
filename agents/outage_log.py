"""Outages of the services that a run's reward stands on: a line each, and sums in the metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import final

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from kibble.agents.scoring.scoring import Scoring
from kibble.agents.scoring.source import find_source
from kibble.rewards.remote.outages import Outage, RecordsOutages

__all__ = ["OutageLog", "read_outages"]


@final
class OutageLog(BaseCallback):
    """Writes every outage when it is over, or when the run ends in the midst of it.

    Lines are never taken back, not even where a run goes on from an older checkpoint: they tell
    of the service.

    Args:
        venv: The training environments, however wrapped.
        path: The file; made with the first outage.
    """

    def __init__(self, venv: VecEnv, path: Path) -> None:
        super().__init__()
        source = find_source(venv)
        self._scoring = source if isinstance(source, Scoring) else None
        self._path = path
        rows = list(read_outages(path))
        self._count = len(rows)
        self._seconds = sum(float(str(row["seconds"])) for row in rows)
        self._written = 0

    def close(self) -> None:
        """Write the outage that goes on, if one does."""
        for outage in self._outages()[self._written :]:
            self._write(outage)

    def _on_step(self) -> bool:
        for outage in self._outages()[self._written :]:
            if outage.over:
                self._write(outage)
                self._written += 1
        if self._scoring is not None and isinstance(self._model_read(), RecordsOutages):
            self.logger.record("reward_model/outages", float(self._count))
            self.logger.record("reward_model/outage_seconds", self._seconds)
        return True

    def _outages(self) -> tuple[Outage, ...]:
        model = self._model_read()
        return tuple(model.outages) if isinstance(model, RecordsOutages) else ()

    def _model_read(self) -> object:
        return None if self._scoring is None else self._scoring.shaper.potential.model

    def _write(self, outage: Outage) -> None:
        began = datetime.fromtimestamp(outage.began, tz=timezone.utc)
        row = asdict(outage) | {"began": began.isoformat(timespec="seconds")}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "noticed_at_step": self.num_timesteps}) + "\n")
        self._count += 1
        self._seconds += outage.seconds


def read_outages(path: Path) -> Iterator[dict[str, object]]:
    """Read the outages of a run, oldest first; a file that is not there has none."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
