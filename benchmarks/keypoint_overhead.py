"""Milliseconds that keypoint rewards take per step, beside grm_tiny, at 1 and 8 environments.

    python benchmarks/keypoint_overhead.py
    python benchmarks/keypoint_overhead.py --rewards 'keypoints?tracker=flow' --threads 1

Frames of scripted episodes are rendered first; then all models read them in turns, step by step,
so that they share what else the machine does. A step is one reading of the newest frame of every
environment, as one batch. For keypoint rewards it is split into proposals (once an episode),
tracking, lifting into space, and the rest, which is the potential. Medians over steps, and
quartiles, by the clock and, summed over threads, of the processor, which other work disturbs less;
writes ``benchmarks/results/keypoint_overhead.json``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2
import numpy as np
import torch
from environment import write_results
from numpy.typing import NDArray

from kibble.agents.graphics import choose_backend
from kibble.rewards.catalogue import open_model
from kibble.rewards.keypoints.reward import KeypointReward
from kibble.rewards.keypoints.seen_locator import SeenLocator
from kibble.rewards.types import Frames, RewardModel, Task

VIEWS = ("front", "side", "wrist", "front_depth")
TASKS = ("kibble/PickPlace-v0", "kibble/Push-v0", "kibble/DrawerOpen-v0")
Given = TypeVar("Given")


class Clock:
    """Adds up the processor's seconds that parts of a model take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, function: Callable[..., Given]) -> Callable[..., Given]:
        """Return a function that does the same and is timed."""

        def call(*arguments: object, **named: object) -> Given:
            begin = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                taken = time.process_time() - begin
                self.seconds[name] = self.seconds.get(name, 0.0) + taken

        return call

    def take(self) -> dict[str, float]:
        """Return what was added up, in ms, and begin anew."""
        taken = {name: 1e3 * seconds for name, seconds in self.seconds.items()}
        self.seconds = {}
        return taken


class Parts:
    """Stands for an object and times some of its methods."""

    def __init__(self, of: object, clock: Clock, **names: str) -> None:
        self._of = of
        self._methods = {
            method: clock.timed(name, getattr(of, method)) for method, name in names.items()
        }

    def __getattr__(self, name: str) -> object:
        return self._methods.get(name) or getattr(self._of, name)


def recorded(count: int, seed: int) -> list[tuple[Task, Frames]]:
    """Return scripted episodes, (T, 96, 96, 3) per view, of tasks in turn."""
    import gymnasium

    import kibble.envs  # noqa: F401  (registers the suite, once a GL back end is chosen)
    from kibble.envs.tabletop.experts import make_expert

    episodes = []
    for number in range(count):
        env = gymnasium.make(TASKS[number % len(TASKS)], views=VIEWS)
        expert = make_expert(env)
        _, info = env.reset(seed=seed + number)
        shots = [env.unwrapped.frames(VIEWS)]
        ended = False
        while not ended:
            _, _, terminated, truncated, _ = env.step(expert())
            ended = terminated or truncated
            shots.append(env.unwrapped.frames(VIEWS))
        frames = {view: np.concatenate([shot[view] for shot in shots]) for view in VIEWS}
        episodes.append((Task(instruction=str(info["instruction"])), frames))
        env.close()
    return episodes


def split(model: RewardModel, clock: Clock) -> None:
    """Time the parts of a keypoint reward."""
    if not isinstance(model, KeypointReward) or not isinstance(model.locator, SeenLocator):
        return
    inner = model.locator
    inner._proposer = Parts(inner._proposer, clock, propose="proposal")  # type: ignore[assignment]
    inner._tracker = Parts(inner._tracker, clock, update="tracking")  # type: ignore[assignment]
    inner._lifting = Parts(inner._lifting, clock, roles="lifting")  # type: ignore[assignment]


def measured(
    models: dict[str, RewardModel],
    clocks: dict[str, Clock],
    episodes: Sequence[tuple[Task, Frames]],
) -> dict[str, object]:
    """Let every model read the episodes side by side, in turns; ms per step and per opening."""
    steps = min(len(next(iter(frames.values()))) for _, frames in episodes)
    seen = {
        name: [view for view in model.spec.views if view in VIEWS]
        for name, model in models.items()
    }

    def newest(name: str, t: int) -> Frames:
        return {
            view: np.concatenate([frames[view][t : t + 1] for _, frames in episodes])
            for view in seen[name]
        }

    opened, opening, reading = {}, {}, {name: [] for name in models}
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in models}
    for name, model in models.items():
        starts = newest(name, 0)
        times = []
        opened[name] = []
        for i, (task, _) in enumerate(episodes):
            start = {
                view: np.ascontiguousarray(shown[i : i + 1]) for view, shown in starts.items()
            }
            begin = _now()
            opened[name].append(model.begin(task, start))
            times.append(1e3 * (_now() - begin))
        opening[name] = times
        clocks[name].take()
    for t in range(1, steps):
        for name, model in models.items():
            frames = newest(name, t)
            begin = _now()
            model.estimate(opened[name], frames)
            reading[name].append(1e3 * (_now() - begin))
            parts[name].append(clocks[name].take())
    return {
        name: {
            "opening_an_episode": _quartiles(opening[name]),
            "step": _quartiles(reading[name]),
            "step_per_environment": _quartiles([taken / len(episodes) for taken in reading[name]]),
            "parts_of_step": _parts([float(taken[1]) for taken in reading[name]], parts[name]),
        }
        for name in models
    }


def _parts(whole: Sequence[float], parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return median processor ms of each part of a step; the potential is what is left."""
    names = sorted({name for each in parts for name in each})
    if not names:
        return {}
    table = {name: [each.get(name, 0.0) for each in parts] for name in names}
    table["potential"] = [
        total - sum(each.values()) for total, each in zip(whole, parts, strict=True)
    ]
    return {name: round(float(np.median(times)), 3) for name, times in table.items()}


def _now() -> NDArray[np.float64]:
    """Return seconds of the clock and of the processor, (2,)."""
    return np.array([time.perf_counter(), time.process_time()])


def _quartiles(times: Sequence[NDArray[np.float64]]) -> dict[str, dict[str, float]]:
    low, middle, high = np.percentile(np.stack(times), (25, 50, 75), axis=0).round(2).tolist()
    return {
        name: {"median": middle[i], "low": low[i], "high": high[i]}
        for i, name in enumerate(("clock", "processor"))
    }


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = ["keypoints", "keypoints?views=front&views=front_depth", "grm_tiny"]
    parser.add_argument("--rewards", nargs="+", default=default)
    parser.add_argument("--environments", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="each with other episodes")
    arguments = parser.parse_args()
    choose_backend(os.environ)
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    models = {name: open_model(name, device=torch.device("cpu")) for name in arguments.rewards}
    clocks = {name: Clock() for name in models}
    for name, model in models.items():
        split(model, clocks[name])
    figures: dict[str, object] = {"threads": arguments.threads, "unit": "ms"}
    for count in arguments.environments:
        measured(models, clocks, recorded(count, seed=0))  # warm
        figures[f"{count} environments"] = runs = [
            measured(models, clocks, recorded(count, seed=100 * (repeat + 1)))
            for repeat in range(arguments.repeats)
        ]
        for name in models:
            print(count, name, [run[name] for run in runs])
    print(f"wrote {write_results('keypoint_overhead', figures)}")


if __name__ == "__main__":
    main()
