"""Checks of torch's device, of cores, memory and disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kibble.agents.doctor.check import Check, Verdict

__all__ = ["check_machine", "check_torch"]

_GIGABYTE = 1e9
_DISK_NEEDED = 3.0  # GB, as long as the demo's own need
_MEMORY_NEEDED = 3.0  # GB


def check_torch() -> list[Check]:
    """Check the device that ``device=auto`` will take, the threads, and the way to NumPy."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a shared library of its build is missing
        return [
            Check(
                section="torch",
                name="import",
                verdict=Verdict.BROKEN,
                found=str(error).splitlines()[0],
                remedy="pip install --force-reinstall torch",
            )
        ]
    checks = [_check_device()]
    threads, cores = torch.get_num_threads(), _cores()
    checks.append(
        Check(
            section="torch",
            name="threads",
            verdict=Verdict.NOTE if threads > cores else Verdict.OK,
            found=f"{threads} (cores: {cores})",
            remedy=f"export OMP_NUM_THREADS={cores}" if threads > cores else "",
        )
    )
    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:  # torch built against another major version of NumPy
        checks.append(
            Check(
                section="torch",
                name="numpy",
                verdict=Verdict.BROKEN,
                found=str(error),
                remedy="pip install --upgrade torch numpy",
            )
        )
    return checks


def _check_device() -> Check:
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        memory = properties.total_memory / _GIGABYTE
        found = f"cuda: {properties.name}, {memory:.0f} GB, {torch.cuda.device_count()} device(s)"
    elif torch.backends.mps.is_available():
        found = "mps"
    elif torch.version.cuda is None:
        found = "cpu (this build of torch has no CUDA)"
    else:
        return Check(
            section="torch",
            name="device",
            verdict=Verdict.NOTE,
            found=f"cpu: torch was built for CUDA {torch.version.cuda} but finds no device",
            remedy="with an NVIDIA GPU: check nvidia-smi and the driver",
        )
    return Check(section="torch", name="device", verdict=Verdict.OK, found=found)


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_machine(folder: Path) -> list[Check]:
    """Check cores, memory and the free space under ``folder``."""
    free = shutil.disk_usage(folder).free / _GIGABYTE
    checks = [
        Check(section="machine", name="cores", verdict=Verdict.OK, found=str(_cores())),
        _amount("disk", free, _DISK_NEEDED, f"GB free in {folder}", "free some space"),
    ]
    memory = _memory_available()
    if memory is not None:
        checks.append(
            _amount(
                "memory", memory, _MEMORY_NEEDED, "GB available", "close programs, or n_envs=1"
            )
        )
    return checks


def _amount(name: str, amount: float, needed: float, unit: str, remedy: str) -> Check:
    enough = amount >= needed
    return Check(
        section="machine",
        name=name,
        verdict=Verdict.OK if enough else Verdict.WARNING,
        found=f"{amount:.1f} {unit}",
        remedy="" if enough else f"{remedy}; {needed:g} GB are needed",
    )


def _memory_available() -> float | None:
    """Read the memory that can still be used, in GB; None where the system does not say."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return None
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 / _GIGABYTE
    return None
