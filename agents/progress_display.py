"""Say how training goes: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kibble.agents.episode_log import EpisodeRecord

__all__ = ["ProgressDisplay", "success_share"]

_WINDOW = 50
_SECONDS_BETWEEN_LINES = 15.0


def success_share(records: Sequence[EpisodeRecord]) -> float | None:
    """Return the share of episodes that ended in success, or None where none says.

    >>> success_share([]) is None
    True
    """
    known = [record.success for record in records if record.success is not None]
    return sum(known) / len(known) if known else None


@final
class ProgressDisplay:
    """Steps, success rate and return of the last episodes, steps per second, time to go.

    Args:
        total: Steps of the whole run.
        start: Steps taken before, by the parts of a resumed run.
        console: Where to write.
        quiet: Whether to write nothing.
        rollouts: Budget in episodes, or ``None``; the bar then counts these.
    """

    def __init__(
        self,
        *,
        total: int,
        start: int,
        console: Console,
        quiet: bool,
        rollouts: int | None = None,
    ) -> None:
        self._total, self._start, self._console, self._quiet = total, start, console, quiet
        self._rollouts = rollouts
        self._first: int | None = None  # episodes before the first update
        self._began = time.perf_counter()
        self._last_line = self._began
        self._last_draw = 0.0
        self._progress: Progress | None = None
        if console.is_terminal and not quiet:
            self._progress = Progress(
                TextColumn("[bold]training" if rollouts is None else "[bold]rollouts"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[summary]}"),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._progress.add_task("training", total=rollouts or total, summary="")
            self._progress.start()

    def update(self, steps: int, records: Sequence[EpisodeRecord], *, episodes: int) -> None:
        """Show the state after ``steps`` steps; cheap enough for every step.

        Args:
            steps: Steps of the whole run so far.
            records: Of the episodes that ended in this process.
            episodes: Episodes of the whole run so far.
        """
        now = time.perf_counter()
        if self._first is None:
            self._first = episodes
        last = steps >= self._total or (self._rollouts is not None and episodes >= self._rollouts)
        if self._progress is not None:
            if now - self._last_draw > 0.2 or last:
                self._last_draw = now
                summary = self._summary(steps, records[-_WINDOW:], now)
                if self._rollouts is not None:
                    summary = f"{steps}/{self._total} steps, {summary}"
                completed = steps if self._rollouts is None else episodes
                self._progress.update(self._task, completed=completed, summary=summary)
        elif not self._quiet and (now - self._last_line > _SECONDS_BETWEEN_LINES or last):
            self._last_line = now
            rollouts = "" if self._rollouts is None else f"{episodes}/{self._rollouts} rollouts, "
            self._console.print(
                f"{steps}/{self._total} steps, {rollouts}"
                f"{self._summary(steps, records[-_WINDOW:], now)}, "
                f"{self._remaining(steps, episodes, now):.0f} s left",
                highlight=False,
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def _remaining(self, steps: int, episodes: int, now: float) -> float:
        """Return the seconds until the first of the budgets is spent, at the mean pace so far."""
        remaining = max(self._total - steps, 0) / max(self._rate(steps, now), 1e-9)
        if self._rollouts is None or self._first is None or episodes == self._first:
            return remaining
        pace = (now - self._began) / (episodes - self._first)
        return min(remaining, max(self._rollouts - episodes, 0) * pace)

    def _rate(self, steps: int, now: float) -> float:
        return (steps - self._start) / max(now - self._began, 1e-9)

    def _summary(self, steps: int, recent: Sequence[EpisodeRecord], now: float) -> str:
        share = success_share(recent)
        success = "unknown" if share is None else f"{100 * share:.0f} %"
        returns = [record.return_task for record in recent]
        mean = f"{sum(returns) / len(returns):.2f}" if returns else "unknown"
        return f"success {success}, return {mean}, {self._rate(steps, now):.0f} steps/s"
