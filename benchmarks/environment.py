"""Revision, hardware and versions that every benchmark writes beside its figures.

python benchmarks/environment.py      # prints them
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path

__all__ = ["describe", "write_results"]

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "gymnasium", "mujoco", "stable-baselines3")


_BUT_RESULTS = ("--", ":/", ":(top,exclude)benchmarks/results")  # a benchmark writes those itself


def describe() -> dict[str, object]:
    """Say what is measured, on what: ``dirty`` revisions are not for publishing."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "revision": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no", *_BUT_RESULTS)),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        "load_before": os.getloadavg()[0],
        "gpu": gpu,
        "threads": torch.get_num_threads(),
        "mujoco_gl": os.environ.get("MUJOCO_GL"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def write_results(name: str, figures: dict[str, object]) -> Path:
    """Write ``benchmarks/results/<name>.json``: the figures beside what they were measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    report = {"environment": describe(), **figures}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return path


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _processor() -> str:
    """Return the processor's name; Linux tells it in a file, others through ``platform``."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    print(json.dumps(describe(), indent=2))
