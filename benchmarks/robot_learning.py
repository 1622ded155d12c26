"""Reach through a simulated robot on the wire, learned in real time at 10 Hz.

    python benchmarks/robot_learning.py --seeds 0,1 --steps 6000

Starts `kibble ros simulate` in a process of its own, trains through ROS 2 topics with frames read
by grm_tiny beside acting, and evaluates each run on the wire. Writes
``benchmarks/results/robot_learning.json`` after every run: success, the share of actions that came
in time while training and while evaluating, and how long it took by the clock. What is trained is
not trained again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
from environment import describe

RESULTS = Path(__file__).parent / "results"
LEARNING = (
    "task=robot",
    "reward=grm_tiny",
    "shaping=difference",
    "shaping.transforms=[{name: success_bonus, value: 3}]",
    "observation=relative",
    "agent.gradient_steps=3",
    "checkpoint_every=2000",
    "quiet=true",
)
SIMULATION = ("task=reach", "views=[front,wrist]", "image_size=[96,96]")
EVALUATION_SEED = 20_000
WINDOW, ENOUGH = 20, 18  # episodes: 90 % is reached where so many of the last succeeded


class Punctuality(gym.Wrapper[Any, Any, Any, Any]):
    """Counts actions, and those that came late."""

    steps = late = 0

    def step(self, action: Any) -> Any:
        """Step and count."""
        answer = self.env.step(action)
        self.steps += 1
        self.late += bool(answer[4].get("late"))
        return answer


@contextlib.contextmanager
def simulated(domain: int, seed: int) -> Iterator[None]:
    """Run the robot's process."""
    words = [*SIMULATION, f"seed={seed}", "quiet=true"]
    command = [sys.executable, "-m", "kibble", "ros", "simulate", *words]
    with subprocess.Popen(command, env=environment(domain)) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def environment(domain: int) -> dict[str, str]:
    """Return the variables of every process: one thread, one domain, this machine alone."""
    own = {"OMP_NUM_THREADS": "1", "ROS_DOMAIN_ID": str(domain)}
    return os.environ | own | {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}


def train(run: Path, seed: int, steps: int, domain: int, more: list[str]) -> None:
    """Train to the end, unless that was done."""
    if (run / "model.zip").exists():
        return
    words = [*LEARNING, f"seed={seed}", f"steps={steps}", f"run={run}", *more]
    command = [sys.executable, "-m", "kibble", "train", *words]
    subprocess.run(command, check=True, env=environment(domain))


def evaluate(run: Path, episodes: int) -> dict[str, object]:
    """Play on the wire with the averaged actor."""
    import torch

    from kibble.agents.environments import make_environment, make_observed
    from kibble.agents.intervals import wilson
    from kibble.agents.players import TrainedPlayer
    from kibble.agents.rollouts import play
    from kibble.agents.run_directory import open_run

    torch.set_num_threads(1)
    directory = open_run(run)
    config = directory.load_config()
    player = TrainedPlayer(config, directory, None, device=torch.device("cpu"))
    env = Punctuality(make_environment(config.task, renders=False))
    began = time.monotonic()
    with contextlib.closing(env):
        seen = make_observed(env, config.observation, None)
        played = [(EVALUATION_SEED, index) for index in range(episodes)]
        outcomes = play(player, [seen], played)
    won = sum(bool(outcome.success) for outcome in outcomes)
    share = wilson(won, len(outcomes))
    return {
        "episodes": len(outcomes),
        "successes": won,
        "success_rate": share.rate,
        "low": share.low,
        "high": share.high,
        "mean_length": sum(outcome.length for outcome in outcomes) / len(outcomes),
        "steps": env.steps,
        "on_time": 1.0 - env.late / env.steps,
        "seconds": round(time.monotonic() - began, 1),
    }


def trained(run: Path) -> dict[str, object]:
    """Return how training went, by its log and its scalars."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = [json.loads(line) for line in (run / "episodes.jsonl").open()]
    events = EventAccumulator(str(run / "metrics"))
    events.Reload()
    newest = {name: events.Scalars(f"acting/{name}")[-1].value for name in ("on_time", "updates")}
    to_90 = None
    for end in range(WINDOW, len(log) + 1):
        if sum(record["success"] for record in log[end - WINDOW : end]) >= ENOUGH:
            last = log[end - 1]
            to_90 = {"episodes": end, "steps": last["steps"], "seconds": last["seconds"]}
            break
    return {
        "episodes": len(log),
        "steps": log[-1]["steps"],
        "seconds": log[-1]["seconds"],
        "to_90": to_90,
        "curve": [  # steps so far, share of successes, 25 episodes at a time
            (log[i + 24]["steps"], sum(record["success"] for record in log[i : i + 25]) / 25)
            for i in range(0, len(log) - 24, 25)
        ],
        "on_time": newest["on_time"],
        "updates_per_step": newest["updates"],
    }


def main() -> None:
    """Train and evaluate each seed, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--domain", type=int, default=70)
    parser.add_argument("--root", type=Path, default=Path("runs/robot_learning"))
    parser.add_argument("--out", type=Path, default=RESULTS / "robot_learning.json")
    parser.add_argument("more", nargs="*", help="further keys of `kibble train`")
    options = parser.parse_args()
    os.environ |= environment(options.domain)
    rows = json.loads(options.out.read_text())["runs"] if options.out.exists() else []
    for seed in map(int, options.seeds.split(",")):
        run = options.root / f"seed{seed}"
        with simulated(options.domain, seed):
            train(run, seed, options.steps, options.domain, options.more)
        with simulated(options.domain, EVALUATION_SEED + seed):
            evaluation = evaluate(run, options.episodes)
        row = {"seed": seed, "training": trained(run), "evaluation": evaluation}
        rows = sorted([*(r for r in rows if r["seed"] != seed), row], key=lambda r: r["seed"])
        report = {"environment": describe(), "learning": LEARNING, "runs": rows}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1) + "\n")
        print(json.dumps(row, indent=1), flush=True)


if __name__ == "__main__":
    main()
