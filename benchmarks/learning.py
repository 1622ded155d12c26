"""Success after 150 rollouts and one demonstration, and what each part of the recipe is worth.

    python benchmarks/learning.py --tasks push,drawer_open,pick_place --methods full,sparse,oracle

Records one scripted demonstration of each task, adapts grm_tiny to it, trains each method with
several seeds in 150 rollouts and evaluates each run on 100 episodes that no training posed.
Success must hold for one second. Writes ``benchmarks/results/learning.json`` after every run. What
is finished is not done again, and what was interrupted goes on. With affordance keypoints:

    python benchmarks/learning.py --methods keypoints,keypoints_and_grm,full,sparse \
        --seeds 10,11,12 --out benchmarks/results/keypoint_learning.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environment import describe

RESULTS = Path(__file__).parent / "results"
ADAPTED = ("reward=path", "reward.weights={adapted}", "reward.name=adapted")
DEMONSTRATION = ("demonstrations={demonstration}",)
FULL = (*ADAPTED, *DEMONSTRATION, "shaping=difference")
KEYPOINTS = ("reward=keypoints", "demonstrations={seen}", "shaping=difference")
METHODS: dict[str, tuple[str, ...]] = {
    "full": FULL,
    "sparse": ("reward=sparse", *DEMONSTRATION),
    "oracle": ("reward=oracle", "shaping=difference", *DEMONSTRATION),
    # affordance keypoints, seen by two static cameras or told by the simulator
    "keypoints": (*KEYPOINTS, "task.views=[front,side]"),
    "keypoints_and_grm": (
        *KEYPOINTS,
        "reward.also=[{adapted}]",
        "reward.combine=weighted",
        "task.views=[front,side,wrist]",
    ),
    "keypoints_no_demonstration": (
        "reward=keypoints",
        "shaping=difference",
        "task.views=[front,side]",
    ),
    "oracle_keypoints": ("reward=oracle_keypoints", "shaping=difference", *DEMONSTRATION),
    # what one part is worth: the same run without it
    "potential": (*ADAPTED, *DEMONSTRATION, "shaping=potential"),
    "absolute": (*ADAPTED, *DEMONSTRATION, "shaping=absolute"),
    "incremental": (*FULL, "reward.reading=incremental"),
    "forward": (*FULL, "reward.reading=forward"),
    "mean": (*FULL, "reward.reading=mean"),
    "no_adaptation": ("reward=grm_tiny", "shaping=difference", *DEMONSTRATION),
    "no_demonstration": (*ADAPTED, "shaping=difference"),
    "state": (*FULL, "observation=state"),
    "share_25": (*FULL, "agent.demonstration_share=0.25"),
    "no_mirror": (*FULL, "agent.mirror=false"),
    "newest_actor": (*FULL, "agent.actor_average=1"),
}
ALL = (
    "rollouts=150",
    "steps=20000",
    "observation=relative",
    "agent.gradient_steps=3",
    "agent.demonstration_share=0.5",
    "shaping.transforms=[{name: success_bonus, value: 3}]",
    "+task.options.dwell=1.0",
    "checkpoint_every=1000000",
    "quiet=true",
)
EVALUATION_SEED = 20_000
WINDOW, ENOUGH = 20, 18  # rollouts: 90 % is reached where so many of the last succeeded


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training run of the grid."""

    task: str
    method: str
    seed: int
    root: Path

    @property
    def run(self) -> Path:
        """Its run directory."""
        return self.root / "runs" / f"{self.task}-{self.method}-seed{self.seed}"

    def train(self) -> None:
        """Train to the end, unless that was done."""
        if (self.run / "model.zip").exists():
            return
        if self.run.exists():
            kibble("train", f"run={self.run}", "resume=true", "quiet=true")
            return
        made = {
            "demonstration": demonstration(self.root, self.task),
            "seen": seen(self.root, self.task),
            "adapted": adapted(self.root, self.task),
        }
        words = [word.format(**made) for word in METHODS[self.method]]
        own = [word for word in ALL if word.split("=")[0] not in {w.split("=")[0] for w in words}]
        kibble("train", f"task={self.task}", f"seed={self.seed}", f"run={self.run}", *own, *words)

    def evaluate(self, episodes: int) -> dict[str, object]:
        """Evaluate on episodes that no training seed posed; the row of ``evaluation.json``."""
        report = self.run / "evaluation" / "evaluation.json"
        if not report.exists():
            words = [f"run={self.run}", "videos=0", f"episodes={episodes}", "quiet=true"]
            words += [f"seeds=[{EVALUATION_SEED}]", "judge=none", f"out={report.parent}"]
            kibble("evaluate", *words)
        (row,) = json.loads(report.read_text())["runs"]
        log = [json.loads(line) for line in (self.run / "episodes.jsonl").open()]
        kept = {"task": self.task, "method": self.method, "seed": self.seed}
        kept |= {"rollouts": len(log), "steps": log[-1]["steps"]}
        kept["curve"] = [  # share of successes while training, 25 rollouts at a time
            round(sum(record["success"] for record in log[i : i + 25]) / 25, 2)
            for i in range(0, len(log) - 24, 25)
        ]
        kept |= to_90_percent(log)
        kept["reward_model"] = json.loads((self.run / "metadata.json").read_text())["reward_model"]
        numbers = {key: value for key, value in row.items() if isinstance(value, int | float)}
        return numbers | kept


def demonstration(root: Path, task: str) -> Path:
    """Return the folder of the task's one demonstration."""
    return root / f"demonstration_{task}"


def seen(root: Path, task: str) -> Path:
    """Return the folder of the same demonstration, recorded by all three cameras."""
    return root / f"demonstration_{task}_seen"


def adapted(root: Path, task: str) -> Path:
    """Return the folder of weights adapted to it."""
    return root / f"adapted_{task}"


def to_90_percent(log: list[dict[str, Any]]) -> dict[str, object]:
    """Return after how many rollouts, and steps, 18 of the last 20 had succeeded; or None."""
    for end in range(WINDOW, len(log) + 1):
        if sum(record["success"] for record in log[end - WINDOW : end]) >= ENOUGH:
            return {"rollouts_to_90": end, "steps_to_90": log[end - 1]["steps"]}
    return {"rollouts_to_90": None, "steps_to_90": None}


def prepare(root: Path, task: str, methods: Sequence[str]) -> None:
    """Record and adapt what the methods ask for, unless that was done."""
    demo = demonstration(root, task)
    words = [f"task={task}", "+task.options.dwell=1.0", "episodes=1", "seed=500"]
    if not demo.exists():
        kibble("demos", *words, f"out={demo}")
    asked = " ".join(word for method in methods for word in METHODS[method])
    if "{seen}" in asked and not seen(root, task).exists():
        views = "task.views=[front,side,wrist]"
        kibble("demos", *words, views, f"out={seen(root, task)}")
    if "{adapted}" in asked and not adapted(root, task).exists():
        words = ["reward=grm_tiny", f"demo={demo}", "mirror=true"]
        kibble("adapt", *words, f"out={adapted(root, task)}")


def kibble(*words: str) -> None:
    """Run the command line, on one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "kibble", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def main() -> None:
    """Run the grid and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default="push,drawer_open,pick_place")
    parser.add_argument("--methods", default="full,sparse,oracle", help=", ".join(METHODS))
    parser.add_argument("--seeds", default="10,11,12,13")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--root", type=Path, default=Path("runs/learning"))
    parser.add_argument("--out", type=Path, default=RESULTS / "learning.json")
    options = parser.parse_args()
    cells = [
        Cell(task=task, method=method, seed=int(seed), root=options.root)
        for seed in options.seeds.split(",")
        for task in options.tasks.split(",")
        for method in options.methods.split(",")
    ]
    for task in options.tasks.split(","):
        prepare(options.root, task, options.methods.split(","))
    lock = threading.Lock()

    def work(cell: Cell) -> None:
        cell.train()
        row = cell.evaluate(options.episodes)
        with lock:
            keep(options.out, row)
            print(row["task"], row["method"], row["seed"], row["success_rate"], flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(work, cells))


def keep(out: Path, row: dict[str, object]) -> None:
    """Add a row to those in the file, in the place of an older one of the same run."""

    def name(row: dict[str, object]) -> tuple[str, str, str]:
        return str(row["task"]), str(row["method"]), str(row["seed"])

    rows = json.loads(out.read_text())["runs"] if out.exists() else []
    rows = sorted([*(r for r in rows if name(r) != name(row)), row], key=name)
    out.parent.mkdir(parents=True, exist_ok=True)
    report = {"environment": describe(), "common": ALL, "methods": METHODS, "runs": rows}
    out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
