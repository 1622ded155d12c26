"""How many training runs a machine carries at once."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_cores", "available_memory", "jobs_that_fit"]

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
MEMORY_OF_RUN = 1_000_000_000
"""Bytes that a run is reckoned with: 0.65 GB measured with the shipped reward model and SAC,
whose replay grows by up to 0.1 GB, and a reserve. Learning from pixels takes more: set ``jobs``.
"""


def jobs_that_fit(cores: int, memory: int | None) -> int:
    """Return how many runs to start at once: one a core, as far as memory goes, at least one.

    Args:
        cores: Cores that this process may use.
        memory: Free memory in bytes, or None where nobody knows.

    >>> jobs_that_fit(16, 5_500_000_000), jobs_that_fit(2, None), jobs_that_fit(8, 1)
    (5, 2, 1)
    """
    fitting = cores if memory is None else memory // MEMORY_OF_RUN
    return max(1, min(cores, fitting))


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Return the cores that this process may use, a container's bound included."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        bound = cores if quota == "max" else int(quota) // int(period)
    except (OSError, ValueError):
        bound = cores
    return max(1, min(cores, bound))


def available_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Return the memory in bytes that is free for new processes, or None where nobody knows.

    Linux says so; a container's bound counts where it is lower. Elsewhere cores alone decide.
    """
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free = 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no bound reads "max"
        return free
    return max(0, min(free, limit - used))
