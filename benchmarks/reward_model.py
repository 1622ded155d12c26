"""Milliseconds and frames per second of the embedded reward model, on one thread.

    python benchmarks/reward_model.py --seconds 3

Writes ``benchmarks/results/reward_model.json``: for batches of 1 to 32 episodes with two views the
milliseconds of one ``estimate``, of one ``embed`` of the same frames, and the images per second,
by wall clock and by processor time.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
import torch
from environment import write_results

from kibble.rewards import Task
from kibble.rewards.loading import load

BATCHES = (1, 4, 8, 32)


def measure(name: str, episodes: int, seconds: float) -> dict[str, float]:
    """Return medians in ms and rates per second for one batch size."""
    model = load(name)
    rng = np.random.default_rng(0)
    height, width = model.spec.image_size

    def frames(count: int) -> dict[str, np.ndarray]:
        shape = (count, height, width, 3)
        return {view: rng.integers(0, 256, shape, dtype=np.uint8) for view in model.spec.views}

    task = Task(instruction="push the red cube onto the green pad")
    opened = [model.begin(task, frames(1)) for _ in range(episodes)]
    batches = itertools.cycle([frames(episodes) for _ in range(8)])
    estimate, embed, processor = [], [], []
    while sum(estimate) + sum(embed) < seconds:
        batch = next(batches)
        start, used = time.perf_counter(), time.process_time()
        model.estimate(opened, batch)
        middle, used = time.perf_counter(), time.process_time() - used
        model.embed(batch)
        estimate.append(middle - start)
        embed.append(time.perf_counter() - middle)
        processor.append(used)
    images = episodes * len(model.spec.views)
    return {
        "estimate_ms": round(float(np.median(estimate)) * 1e3, 2),
        "estimate_processor_ms": round(float(np.median(processor)) * 1e3, 2),
        "embed_ms": round(float(np.median(embed)) * 1e3, 2),
        "images_per_second": round(images / float(np.median(estimate)), 1),
        "images_per_core_second": round(images / float(np.median(processor)), 1),
    }


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="grm_tiny", help="name or path of the weights")
    parser.add_argument("--seconds", type=float, default=1.0, help="per batch size")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = {}
    for episodes in BATCHES:
        results[str(episodes)] = row = measure(arguments.model, episodes, arguments.seconds)
        print(f"{episodes:3} episodes: {row}")
    path = write_results("reward_model", {"model": arguments.model, "episodes": results})
    print(f"written to {path}")


if __name__ == "__main__":
    main()
