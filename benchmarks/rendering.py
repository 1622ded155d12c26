"""Frames per second and cost of a step of the tabletop suite, on one core.

    python benchmarks/rendering.py --seconds 3

Writes ``benchmarks/results/rendering.json``: for every task and picture size the frames of each
view per second and per second of processor time, and the milliseconds of a control step, of its
processor time and of a reset.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import gymnasium
import numpy as np
from environment import write_results

from kibble.envs.registration import ENVIRONMENTS
from kibble.envs.tabletop import make_expert

SIZES = (64, 96, 128, 224)


def rates(work: Callable[[], object], seconds: float) -> dict[str, float]:
    """Return how often some work is done per second and per second of processor time.

    On a quiet machine they are the same; on a shared one the second is what one core can do.
    """
    for _ in range(10):
        work()
    count, start, used = 0, time.perf_counter(), time.process_time()
    while time.process_time() - used < seconds:
        work()
        count += 1
    wall, processor = time.perf_counter() - start, time.process_time() - used
    return {"per_second": round(count / wall, 1), "per_core_second": round(count / processor, 1)}


def frame_rates(env_id: str, size: int, seconds: float) -> dict[str, dict[str, float]]:
    """Return the rates of each view in the middle of an expert's episode."""
    env = gymnasium.make(env_id, image_size=(size, size))
    env.reset(seed=0)
    expert = make_expert(env)
    for _ in range(8):
        env.step(expert())
    table = env.unwrapped
    measured = {
        view: rates(lambda view=view: table.frames([view]), seconds) for view in table.views
    }
    env.close()
    return measured


def milliseconds(env_id: str, episodes: int) -> dict[str, float]:
    """Return the medians of wall and processor time of a step, and of a reset, in ms."""
    env = gymnasium.make(env_id)
    wall, processor, resets = [], [], []
    for seed in range(episodes):
        start = time.perf_counter()
        env.reset(seed=seed)
        resets.append(time.perf_counter() - start)
        expert, ended = make_expert(env), False
        while not ended:
            action = expert()
            start, used = time.perf_counter(), time.process_time()
            _, _, terminated, truncated, _ = env.step(action)
            wall.append(time.perf_counter() - start)
            processor.append(time.process_time() - used)
            ended = terminated or truncated
    named = {"step": wall, "step_processor": processor, "reset": resets}
    return {name: round(float(np.median(values)) * 1e3, 3) for name, values in named.items()}


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="per task, size and view")
    parser.add_argument("--episodes", type=int, default=10, help="per task, for steps and resets")
    arguments = parser.parse_args()
    # The software GL works in the calling thread and on the one core: nothing else is counted.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tasks: dict[str, object] = {}
    slowest = {"per_second": float("inf"), "per_core_second": float("inf")}
    for env_id in ENVIRONMENTS:
        frames = {str(size): frame_rates(env_id, size, arguments.seconds) for size in SIZES}
        for name in slowest:
            slowest[name] = min(slowest[name], *(view[name] for view in frames["96"].values()))
        cost = milliseconds(env_id, arguments.episodes)
        tasks[env_id] = {"frames": frames, "milliseconds": cost}
        print(f"{env_id:24} 96x96: {frames['96']}  step {cost['step']} ms")
    path = write_results(
        "rendering",
        {"slowest_view_at_96": slowest, "target": 500, "tasks": tasks},
    )
    print(f"slowest view at 96x96: {slowest}; written to {path}")


if __name__ == "__main__":
    main()
