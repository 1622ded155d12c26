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
    """

    def __init__(self, *, total: int, start: int, console: Console, quiet: bool) -> None:
        self._total, self._start, self._console, self._quiet = total, start, console, quiet
        self._began = time.perf_counter()
        self._last_line = self._began
        self._last_draw = 0.0
        self._progress: Progress | None = None
        if console.is_terminal and not quiet:
            self._progress = Progress(
                TextColumn("[bold]training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[summary]}"),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._progress.add_task("training", total=total, summary="")
            self._progress.start()

    def update(self, steps: int, records: Sequence[EpisodeRecord]) -> None:
        """Show the state after ``steps`` steps; cheap enough for every step."""
        now = time.perf_counter()
        if self._progress is not None:
            if now - self._last_draw > 0.2 or steps >= self._total:
                self._last_draw = now
                summary = self._summary(steps, records[-_WINDOW:], now)
                self._progress.update(self._task, completed=steps, summary=summary)
        elif not self._quiet and (
            now - self._last_line > _SECONDS_BETWEEN_LINES or steps >= self._total
        ):
            self._last_line = now
            remaining = (self._total - steps) / max(self._rate(steps, now), 1e-9)
            self._console.print(
                f"{steps}/{self._total} steps, {self._summary(steps, records[-_WINDOW:], now)}, "
                f"{remaining:.0f} s left",
                highlight=False,
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()

    def _rate(self, steps: int, now: float) -> float:
        return (steps - self._start) / max(now - self._began, 1e-9)

    def _summary(self, steps: int, recent: Sequence[EpisodeRecord], now: float) -> str:
        share = success_share(recent)
        success = "unknown" if share is None else f"{100 * share:.0f} %"
        returns = [record.return_task for record in recent]
        mean = f"{sum(returns) / len(returns):.2f}" if returns else "unknown"
        return f"success {success}, return {mean}, {self._rate(steps, now):.0f} steps/s"
