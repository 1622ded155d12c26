"""Calls in processes of their own, a few at a time; one that dies takes no other with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

__all__ = ["run_processes"]

_SECONDS_TO_GO = 10.0


def run_processes(
    calls: Mapping[str, Callable[[], object]],
    *,
    at_once: int,
    logs: Path,
    on_start: Callable[[str], object],
    on_end: Callable[[str, int], object],
) -> None:
    """Run every call in a fresh process and return when all have ended.

    Processes are spawned: a forked one would inherit OpenGL's and torch's threads in an unusable
    state. They end with this process, whatever ends it.

    Args:
        calls: Name to call; both must be picklable.
        at_once: How many run side by side.
        logs: Directory in which ``<name>.log`` gets standard output and error of each, added to
            what is there.
        on_start: Told the name of a call that starts.
        on_end: Told name and exit code of one that ended: 0 done, 1 and above an exception,
            -n killed by signal n.

    Raises:
        KeyboardInterrupt: If interrupted; the calls that run are stopped first.
    """
    logs.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    waiting = list(calls.items())
    running: dict[str, SpawnProcess] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                name, call = waiting.pop(0)
                # Not a daemon: a run may have environments in processes of its own.
                process = context.Process(target=_serve, args=(call, logs / f"{name}.log"))
                process.start()
                running[name] = process
                on_start(name)
            wait([process.sentinel for process in running.values()])
            for name in [name for name, one in running.items() if not one.is_alive()]:
                process = running.pop(name)
                process.join()
                assert process.exitcode is not None  # it has ended
                on_end(name, process.exitcode)
    finally:
        _stop(list(running.values()))


def _stop(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_SECONDS_TO_GO)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(call: Callable[[], object], log: Path) -> None:
    """Make the call, in the new process."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before NumPy or torch is imported
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with _written_to(log), contextlib.suppress(KeyboardInterrupt):
        call()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a child
    wait([parent.sentinel])
    os._exit(1)  # nobody is left to be told, and a second sweep may go on with this run


@contextlib.contextmanager
def _written_to(log: Path) -> Iterator[None]:
    """Send all that is written to standard output and error to a file, also from C code."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield
