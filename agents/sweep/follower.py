"""How far a run is, read from the log of its episodes while another process writes it."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import final

from kibble.agents.sweep.record import Budget

__all__ = ["Follower"]

_WINDOW = 50


@final
class Follower:
    """Reads what has been added to a run's ``episodes.jsonl`` since it last looked.

    Args:
        path: The file; it may not be there yet.
        budget: How long the run trains.

    Attributes:
        steps: Environment steps when the last episode ended.
        episodes: How many episodes have ended.
    """

    def __init__(self, path: Path, budget: Budget) -> None:
        self.steps = 0
        self.episodes = 0
        self._path, self._budget = path, budget
        self._offset = 0
        self._successes: deque[bool] = deque(maxlen=_WINDOW)

    @property
    def share(self) -> float:
        """Share of the budget that is used up, in [0, 1]."""
        shares = [self.steps / self._budget.steps]
        if self._budget.rollouts is not None:
            shares.append(self.episodes / self._budget.rollouts)
        return min(1.0, max(shares))

    @property
    def success(self) -> float | None:
        """Share of successes among the last 50 episodes, or None where nobody knows."""
        return sum(self._successes) / len(self._successes) if self._successes else None

    def look(self) -> None:
        """Read on; from the beginning if the file was cut back to a checkpoint."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            if self._path.stat().st_size < self._offset:
                self._offset = self.steps = self.episodes = 0
                self._successes.clear()
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._take(json.loads(line))

    def _take(self, record: dict[str, object]) -> None:
        self.episodes += 1
        steps = record["steps"]
        assert isinstance(steps, int)  # as EpisodeLog writes it
        self.steps = steps
        if record["success"] is not None:
            self._successes.append(bool(record["success"]))
