"""A DDS domain of its own for each test, on this machine alone."""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

__all__ = ["free_domain", "wait_until"]

# What tests send stays on this machine; read when a transport opens, also by child processes.
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

_NUMBERS = range(100, 231)
_HELD_AT_MOST = 12
_held: dict[int, IO[str]] = {}  # domain to the lock that keeps other test processes out
_turns = itertools.count()


def free_domain() -> int:
    """Return a domain that no other test process on this machine uses.

    A process takes up to a dozen and then begins again with its first; the tests of one process
    run one after another, and each closes what it opened.
    """
    turn = next(_turns)
    if turn >= _HELD_AT_MOST:
        return list(_held)[turn % _HELD_AT_MOST]
    for number in _NUMBERS:
        if number in _held:
            continue
        lock = (Path(tempfile.gettempdir()) / f"kibble-ros-domain-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _held[number] = lock
        return number
    raise RuntimeError(f"all domains from {_NUMBERS[0]} to {_NUMBERS[-1]} are in use by tests")


def wait_until(condition: Callable[[], object], *, limit: float = 20.0) -> None:
    """Wait until something holds.

    Args:
        condition: Is asked every few milliseconds.
        limit: s, after which the test fails.
    """
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"did not come to hold within {limit:g} s"
        time.sleep(0.005)
