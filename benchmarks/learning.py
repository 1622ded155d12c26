"""Success rate at an equal budget: each task with each reward, several seeds, two runs at a time.

    python benchmarks/learning.py --tasks push,reach --rewards grm_tiny,sparse --seeds 0,1,2

Writes ``benchmarks/results/learning.json`` after every run. Runs that are finished are not
repeated, and runs that were interrupted go on; what follows ``--`` is handed to ``kibble train``.
Both rewards learn from the same demonstrations, recorded here by ``kibble demos``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from environment import describe

RESULTS = Path(__file__).parent / "results"
STEPS = {
    "push": 45_000,
    "reach": 15_000,
    "drawer_open": 8_000,
    "pick_place": 25_000,
    "stack": 25_000,
    "peg_insert": 25_000,
}
DEMONSTRATIONS = {"drawer_open": 0}  # of the others, as many as --demonstrations says


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training run of the grid."""

    task: str
    reward: str
    seed: int
    demonstrations: int
    root: Path
    overrides: tuple[str, ...]

    @property
    def run(self) -> Path:
        """Its run directory."""
        return self.root / f"{self.task}-{self.reward}-seed{self.seed}"

    def train(self) -> None:
        """Train to the end, going on where an earlier call stopped."""
        if self.run.exists():
            steps = f"steps={STEPS[self.task]}"
            kibble("train", f"run={self.run}", "resume=true", steps, "quiet=true")
            return
        words = [f"task={self.task}", f"reward={self.reward}", f"seed={self.seed}"]
        words += [f"steps={STEPS[self.task]}", f"run={self.run}", "quiet=true"]
        if self.demonstrations:
            words.append(f"demonstrations={self.root / 'demonstrations' / self.task}")
        kibble("train", *words, *self.overrides)

    def evaluate(self, episodes: int) -> dict[str, object]:
        """Evaluate on episodes that no training seed posed; the row of ``evaluation.json``."""
        report = self.run / "evaluation" / "evaluation.json"
        if not report.exists():
            words = [f"run={self.run}", "videos=0", f"episodes={episodes}", "quiet=true"]
            kibble("evaluate", *words, f"seeds=[{10_000 + self.seed}]", f"out={report.parent}")
        (row,) = json.loads(report.read_text())["runs"]
        kept = {"task": self.task, "reward": self.reward, "seed": self.seed}
        kept |= {"steps": STEPS[self.task], "demonstrations": self.demonstrations}
        numbers = {key: value for key, value in row.items() if isinstance(value, int | float)}
        return numbers | kept


def kibble(*words: str) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "kibble", *words], check=True, stdout=subprocess.DEVNULL)


def record(root: Path, task: str, episodes: int) -> None:
    """Record demonstrations of a task, unless they are there."""
    out = root / "demonstrations" / task
    if episodes and not out.exists():
        kibble("demos", f"task={task}", f"episodes={episodes}", "seed=500", f"out={out}")


def main() -> None:
    """Run the grid and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default="push,reach,drawer_open")
    parser.add_argument("--rewards", default="grm_tiny,sparse")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--demonstrations", type=int, default=20)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--root", type=Path, default=Path("runs/learning"))
    parser.add_argument("--out", type=Path, default=RESULTS / "learning.json")
    parser.add_argument("overrides", nargs="*", help="handed to kibble train")
    options = parser.parse_args()
    cells = [
        Cell(
            task=task,
            reward=reward,
            seed=int(seed),
            demonstrations=DEMONSTRATIONS.get(task, options.demonstrations),
            root=options.root,
            overrides=tuple(options.overrides),
        )
        for reward in options.rewards.split(",")
        for task in options.tasks.split(",")
        for seed in options.seeds.split(",")
    ]
    for task in options.tasks.split(","):
        record(options.root, task, DEMONSTRATIONS.get(task, options.demonstrations))
    rows: list[dict[str, object]] = []
    lock = threading.Lock()

    def work(cell: Cell) -> None:
        cell.train()
        row = cell.evaluate(options.episodes)
        with lock:
            rows.append(row)
            write(options.out, rows, options.overrides)
            print(row["task"], row["reward"], row["seed"], row["success_rate"], flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(work, cells))


def write(out: Path, rows: list[dict[str, object]], overrides: list[str]) -> None:
    """Write the rows there are, in the order of task, reward and seed."""
    ordered = sorted(
        rows, key=lambda row: (str(row["task"]), str(row["reward"]), str(row["seed"]))
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    report = {"environment": describe(), "overrides": overrides, "runs": ordered}
    out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
