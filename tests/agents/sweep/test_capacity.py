"""How many runs fit is read off the machine, and off the container that it may be."""

from __future__ import annotations

import os

from kibble.agents.sweep.capacity import (
    MEMORY_OF_RUN,
    available_cores,
    available_memory,
    jobs_that_fit,
)

MEMINFO = "MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n"


def test_cores_or_memory_bound_the_runs_and_one_always_fits() -> None:
    assert jobs_that_fit(4, 100 * MEMORY_OF_RUN) == 4
    assert jobs_that_fit(4, 3 * MEMORY_OF_RUN + 1) == 3
    assert jobs_that_fit(4, 0) == 1
    assert jobs_that_fit(4, None) == 4


def test_memory_is_what_the_system_calls_available(tmp_path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    assert available_memory(tmp_path / "meminfo", tmp_path) == 20_000_000 * 1024


def test_a_container_may_bound_memory_and_cores(tmp_path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 3_000_000_000
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert available_cores(tmp_path) == 1


def test_without_a_bound_all_counts(tmp_path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 20_000_000 * 1024
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert 1 <= available_cores(tmp_path) <= (os.cpu_count() or 1)


def test_elsewhere_nobody_knows_the_memory(tmp_path) -> None:
    assert available_memory(tmp_path / "none", tmp_path) is None
