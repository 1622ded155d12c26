"""One line that says how a running command is doing."""

from __future__ import annotations

import time
from types import TracebackType
from typing import final

from rich.console import Console
from rich.live import Live
from rich.text import Text

__all__ = ["StatusLine"]

_SECONDS_BETWEEN_LINES = 10.0


@final
class StatusLine:
    """A line that is written over in a terminal, and written now and then elsewhere.

    Args:
        quiet: Whether to write nothing.
        console: Where to write; standard error by default.
    """

    def __init__(self, *, quiet: bool, console: Console | None = None) -> None:
        self._console = Console(stderr=True) if console is None else console
        self._quiet = quiet
        self._live: Live | None = None
        self._last = float("-inf")

    def __enter__(self) -> StatusLine:
        """Take the line."""
        if self._console.is_terminal and not self._quiet:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what it said last."""
        if self._live is not None:
            self._live.stop()

    def show(self, line: str, *, last: bool = False) -> None:
        """Say how things are.

        Args:
            line: The whole line.
            last: Whether it is the last, which is written in any case but that of ``quiet``.
        """
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(Text(line), refresh=True)
        elif last or time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._console.print(line, highlight=False, soft_wrap=True, markup=False)
