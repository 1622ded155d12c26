"""The progress bar of long work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["bar"]


@contextlib.contextmanager
def bar(quiet: bool, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the context is open; it is moved by calling it with done and total."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task(what, total=None)

        def show(finished: int, total: int) -> None:
            progress.update(task, completed=finished, total=total)

        yield show
