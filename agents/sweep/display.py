"""How a sweep goes: bars in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from kibble.agents.sweep.follower import Follower
from kibble.agents.sweep.record import Budget

__all__ = ["SweepDisplay"]

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_LINES = 20.0


@final
class SweepDisplay:
    """Total progress, and steps, success and speed of each running run.

    It looks at the logs of episodes from a thread of its own, so it serves runs on this machine
    and on others alike.

    Args:
        runs: Name to run directory and budget, of all runs that are to be done now.
        console: Where to write.
        quiet: Whether to write nothing.
        what: The word for the work, such as ``sweep``.
    """

    def __init__(
        self,
        runs: Mapping[str, tuple[Path, Budget]],
        *,
        console: Console,
        quiet: bool,
        what: str = "sweep",
    ) -> None:
        self._followers = {
            name: Follower(path / "episodes.jsonl", budget)
            for name, (path, budget) in runs.items()
        }
        self._console, self._quiet, self._what = console, quiet, what
        self._began: dict[str, tuple[float, int]] = {}
        self._running: list[str] = []
        self._ended: set[str] = set()
        self._failed = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._bars: dict[str, TaskID] = {}
        self._progress: Progress | None = None
        self._start = self._last_lines = time.perf_counter()
        self._share_at_start = 0.0

    def __enter__(self) -> SweepDisplay:
        """Begin to show."""
        if self._quiet:
            return self
        for follower in self._followers.values():
            follower.look()
        self._share_at_start = self._share()
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TaskProgressColumn(),
                TextColumn("{task.fields[summary]}"),
                console=self._console,
            )
            self._total = self._progress.add_task(self._what, total=1.0, summary="")
            self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        if self._quiet:
            return
        self._stop.set()
        self._thread.join()
        if self._progress is not None:
            self._progress.stop()

    def started(self, name: str) -> None:
        """Show a run from now on."""
        with self._lock:
            self._running.append(name)
            self._began[name] = (time.perf_counter(), self._followers[name].steps)

    def ended(self, name: str, *, failed: bool) -> None:
        """Count a run among those that are done, and say why the line is gone."""
        with self._lock:
            if name in self._running:
                self._running.remove(name)
            self._ended.add(name)
            self._failed += failed

    def refresh(self) -> None:
        """Look at the runs and show what has changed; the display's own thread does it, too."""
        if self._quiet:
            return
        with self._lock:
            running = list(self._running)
            for name in running:
                self._followers[name].look()
            if self._progress is not None:
                self._draw(self._progress, running)
            elif time.perf_counter() - self._last_lines > _SECONDS_BETWEEN_LINES:
                self._last_lines = time.perf_counter()
                lines = [f"{self._what}: {self._summary()}"]
                lines += [f"  {name}: {self._state(name)}" for name in running]
                self._console.print("\n".join(lines), highlight=False, soft_wrap=True)

    def _watch(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            self.refresh()

    def _draw(self, progress: Progress, running: list[str]) -> None:
        for name in [name for name in self._bars if name not in running]:
            progress.remove_task(self._bars.pop(name))
        for name in running:
            if name not in self._bars:
                self._bars[name] = progress.add_task(f"  {name}", total=1.0, summary="")
            share = self._followers[name].share
            progress.update(self._bars[name], completed=share, summary=self._state(name))
        progress.update(self._total, completed=self._share(), summary=self._summary())
        progress.refresh()

    def _share(self) -> float:
        shares = [
            1.0 if name in self._ended else follower.share
            for name, follower in self._followers.items()
        ]
        return sum(shares) / max(len(shares), 1)

    def _state(self, name: str) -> str:
        follower = self._followers[name]
        if not follower.episodes:
            return "no episode yet"
        began, steps = self._began[name]
        rate = (follower.steps - steps) / max(time.perf_counter() - began, 1e-9)
        success = "unknown" if follower.success is None else f"{100 * follower.success:.0f} %"
        doing = "trained" if follower.share >= 1.0 else f"{rate:.0f} steps/s"
        return (
            f"{follower.steps:,} steps, {follower.episodes} episodes, success {success}, {doing}"
        )

    def _summary(self) -> str:
        share = self._share()
        text = f"{len(self._ended)} of {len(self._followers)} runs"
        if self._failed:
            text += f", {self._failed} failed"
        gained = share - self._share_at_start
        if gained > 0.0:
            seconds = (time.perf_counter() - self._start) / gained * (1.0 - share)
            text += f", {_duration(seconds)} left"
        return text


def _duration(seconds: float) -> str:
    """Write a duration.

    >>> _duration(42), _duration(600), _duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
