"""Commands of kibble in processes of their own, which end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, final

from kibble.rewards.errors import ConfigError, KibbleError

__all__ = ["ChildCommands"]

_SECONDS_TO_END = 40.0
_SECONDS_BETWEEN_LOOKS = 0.05


@final
class ChildCommands:
    """Starts commands, looks whether they live, and ends them as Ctrl-C would, the last first.

    Args:
        logs: Folder for ``<name>.log`` with what each says; made if missing.
        environment: Variables that they get beside this process's.
        stopped: Ends every wait by KeyboardInterrupt once it is set. A signal that raises by
            itself could do so while a command is half started, which nobody would end then.
    """

    def __init__(
        self, *, logs: Path, environment: Mapping[str, str], stopped: threading.Event
    ) -> None:
        self._logs = logs
        self._stopped = stopped
        self._environment = {**os.environ, **environment}
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, words: Sequence[str], *, shown: bool = False) -> None:
        """Start ``kibble`` with some words.

        Args:
            name: Name for its log and for texts.
            words: After ``kibble``.
            shown: Whether its standard output is this process's; otherwise it goes into the log.
        """
        log = self._log(name).open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "kibble", *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=None if shown else log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this process alone, which ends them in order
        )
        self._running[name] = (process, log)

    def wait_until(
        self, condition: Callable[[], object], what: str, *, limit: float | None = None
    ) -> None:
        """Wait until something holds, while every command goes on.

        Args:
            condition: Asked again and again.
            what: What is waited for, for texts.
            limit: s to wait at most, or ``None`` for as long as it takes.

        Raises:
            ConfigError: If the time is over.
            KeyboardInterrupt: If it is time to stop.
            KibbleError: If a command ended.
        """
        end = float("inf") if limit is None else time.monotonic() + limit
        while not condition():
            for name, (process, _) in self._running.items():
                if process.poll() is not None:
                    raise self._ended(name, process.returncode)
            if time.monotonic() > end:
                raise ConfigError(f"{what} must come within {limit:g} s; see '{self._logs}'.")
            if self._stopped.wait(_SECONDS_BETWEEN_LOOKS):
                raise KeyboardInterrupt

    def finish(self, name: str, on_wait: Callable[[], object] = lambda: None) -> None:
        """Wait until a command has done its work.

        Args:
            name: The command.
            on_wait: Called again and again meanwhile.

        Raises:
            KibbleError: If it failed, or another command ended.
        """
        process, log = self._running.pop(name)
        try:

            def done() -> bool:
                on_wait()
                return process.poll() is not None

            self.wait_until(done, name)
        except BaseException:
            self._running[name] = (process, log)
            raise
        log.close()
        if process.returncode != 0:
            raise self._ended(name, process.returncode)

    def end(self, name: str) -> None:
        """End a command as Ctrl-C would, and wait until it has.

        Raises:
            KibbleError: If it failed.
        """
        process, log = self._running.pop(name)
        code = _end(process)
        log.close()
        if code not in (0, 130, -signal.SIGINT):
            raise self._ended(name, code)

    def close(self) -> None:
        """End every command, the last that was started first."""
        running, self._running = list(self._running.values()), {}
        try:
            for process, _ in reversed(running):
                _end(process)
        finally:  # also where somebody does not want to wait for that
            for process, log in running:
                process.kill()
                process.wait()
                log.close()

    def __enter__(self) -> ChildCommands:
        """Return these."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every command."""
        self.close()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _ended(self, name: str, code: int) -> KibbleError:
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = lines[-1] if lines else "nothing was said"
        return KibbleError(
            f"`{name}` must go on to its end, got status {code}: {said} "
            f"Its log is '{self._log(name)}'; mend that and start anew."
        )


def _end(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
