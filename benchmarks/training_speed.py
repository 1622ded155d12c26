"""Steps per second of SAC with a reward model that reads frames, against sparse reward without.

    python benchmarks/training_speed.py --steps 3000 --repeats 3

Both loops run in turns with the settings of ``kibble train``: same task, agent, environments and
updates; the shaped one renders two views of every step and reads them. Writes
``benchmarks/results/training_speed.json``; the figure is the ratio within a repeat.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from environment import write_results

REWARDS = ("sparse", "grm_tiny")


def seconds(reward: str, steps: int, run: Path, overrides: list[str]) -> tuple[float, float]:
    """Return processor and wall seconds of one training, its start included."""
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    words = [f"reward={reward}", f"steps={steps}", f"run={run}", "quiet=true", *overrides]
    command = [sys.executable, "-m", "kibble", "train", "task=push", *words]
    subprocess.run(command, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return processor, time.perf_counter() - began


def rates(reward: str, steps: int, overrides: list[str]) -> dict[str, float]:
    """Return steps per second; a short training is taken off a long one, so starts cancel."""
    with tempfile.TemporaryDirectory() as folder:
        short = seconds(reward, steps // 3, Path(folder) / "short", overrides)
        long = seconds(reward, steps, Path(folder) / "long", overrides)
    taken = steps - steps // 3
    return {"processor": taken / (long[0] - short[0]), "wall": taken / (long[1] - short[1])}


def main() -> None:
    """Measure in turns and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("overrides", nargs="*", help="handed to kibble train")
    options = parser.parse_args()
    repeats = [
        {reward: rates(reward, options.steps, options.overrides) for reward in REWARDS}
        for _ in range(options.repeats)
    ]
    figures: dict[str, object] = {"overrides": options.overrides, "repeats": repeats}
    for clock in ("processor", "wall"):
        ratios = [repeat["grm_tiny"][clock] / repeat["sparse"][clock] for repeat in repeats]
        figures[f"{clock}_ratio"] = statistics.median(ratios)
        print(f"{clock}: grm_tiny at {figures[f'{clock}_ratio']:.2f} of the sparse loop")
    print(f"wrote {write_results('training_speed', figures)}")


if __name__ == "__main__":
    main()
