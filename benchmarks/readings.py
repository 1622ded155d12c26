"""Which reading of progress is nearest to the oracle: with and without a goal frame, by views.

    python benchmarks/readings.py --model grm_tiny --clips 4

Held-out clips of every task, in looks that training never drew, in which the instructed goal is
met at some time; the first such frame serves as goal frame. Writes
``benchmarks/results/readings.json``: for every reading, with and without the goal frame, and for
both views or the front view alone, the mean absolute error of progress, the standard deviation of
the error's change from frame to frame, and bootstrap intervals over clips.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import torch
from environment import write_results

from kibble.agents.pretrain.config import TASKS
from kibble.agents.pretrain.heldout_recording import heldout_clips
from kibble.rewards import Task
from kibble.rewards.causal import read_causally
from kibble.rewards.grm.clips import Clip
from kibble.rewards.grm.readings import READINGS
from kibble.rewards.loading import load

KINDS = ("success", "stall", "regress")


def clips_with_a_success(count: int) -> list[Clip]:
    """Return held-out clips of every task in which the instructed goal is met at some time."""
    found = []
    for task in TASKS:
        per_kind = dict.fromkeys(KINDS, count)
        for clip in heldout_clips(task, per_kind=per_kind, appearance="heldout"):
            if clip.success[:, clip.goal].any():
                found.append(clip)
    return found


def errors(
    model_name: str, clips: list[Clip], *, reading: str, goal: bool, views: tuple[str, ...]
) -> list[np.ndarray]:
    """Return the error of progress of every frame, an array for each clip."""
    model = load(model_name, reading=reading)
    videos = []
    for clip in clips:
        frames = {view: np.ascontiguousarray(clip.frames[view]) for view in views}
        met = int(np.flatnonzero(clip.success[:, clip.goal])[0])
        shown = {view: images[met : met + 1] for view, images in frames.items()}
        task = Task(instruction=clip.phrasings[clip.goal][-1], goal_frames=shown if goal else None)
        videos.append((task, frames))
    return [
        estimate.progress - clip.progress[:, clip.goal]
        for estimate, clip in zip(read_causally(model, videos), clips, strict=True)
    ]


def interval(values: np.ndarray) -> dict[str, float]:
    """Return the mean over clips with its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, size=(2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "value": round(float(values.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "n": len(values),
    }


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="grm_tiny", help="name or path of the weights")
    parser.add_argument("--clips", type=int, default=4, help="per task and kind of behaviour")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = clips_with_a_success(arguments.clips)
    rows = []
    for reading, goal, views in itertools.product(
        READINGS, (False, True), (("front", "wrist"), ("front",))
    ):
        if reading == "backward" and not goal:
            continue
        found = errors(arguments.model, clips, reading=reading, goal=goal, views=views)
        row = {
            "reading": reading,
            "goal": goal,
            "views": list(views),
            "progress_mae": interval(np.array([np.abs(error).mean() for error in found])),
            "noise": interval(np.array([np.diff(error).std() for error in found])),
        }
        rows.append(row)
        shown = row["progress_mae"]
        print(
            f"{reading:12} {'goal' if goal else '-':5} {'+'.join(views):12} "
            f"{shown['value']:.3f} ({shown['low']:.3f} to {shown['high']:.3f})"
        )
    path = write_results("readings", {"model": arguments.model, "clips": len(clips), "rows": rows})
    print(f"written to {path}")


if __name__ == "__main__":
    main()
