"""Environment steps per second with frames scored at once, late, and in a thread of their own.

    python benchmarks/deferred_scoring.py                       # all parts
    python benchmarks/deferred_scoring.py --part ppo --repeats 5

Parts: ``encoder`` (images per second by batch and threads), ``ppo`` and ``sac`` (training in eight
environments of Push with pictures of 224 pixels and a reward model of the size of CLIP ViT-B/32),
and ``finite`` (PPO in a world of 21 states, whose pictures come again and again).
``one_by_one`` scores at once, each environment's frame in a call of its own, as wrappers around
single environments do; ``immediate`` scores the frames of all environments in one call, equal
frames of a step once.
Kinds take turns within a repeat, so that they share what else the machine does; processor seconds
stand beside wall seconds. The parts that run replace theirs in
``benchmarks/results/deferred_scoring.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
import torch
from clip_sized_model import SIDE, ClipSizedModel, VitB32
from environment import RESULTS, write_results

from kibble.agents.agent_config import AgentConfig, PpoConfig, SacConfig
from kibble.agents.builders import build_agent
from kibble.agents.config import RewardConfig, TaskConfig, TrainConfig
from kibble.agents.environments import build_environments
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.scoring.source import Rescored, Scored, find_source

MEMBERS = 8
PUSH = TaskConfig(name="push", id="kibble/Push-v0", views=["front"], image_size=[SIDE, SIDE])
PAD = TaskConfig(name="pad", id="kibble/TrapPad-v0")
PARTS = ("encoder", "ppo", "finite", "sac")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
KINDS = {
    "ppo": {
        "one_by_one": ScoringConfig(kind="immediate"),
        "immediate": ScoringConfig(kind="immediate"),
        "deferred": ScoringConfig(kind="deferred", batch=256),
        "asynchronous": ScoringConfig(kind="asynchronous", batch=256),
    },
    "finite": {
        "immediate": ScoringConfig(kind="immediate"),
        "deferred": ScoringConfig(kind="deferred", batch=256),
        "asynchronous": ScoringConfig(kind="asynchronous", batch=256),
    },
    "sac": {
        "immediate": ScoringConfig(kind="immediate"),
        "deferred": ScoringConfig(kind="deferred", batch=64),
        "asynchronous": ScoringConfig(kind="asynchronous", batch=64),
        "deferred_inexact": ScoringConfig(kind="deferred", batch=64, exact=False),
        "asynchronous_inexact": ScoringConfig(kind="asynchronous", batch=64, exact=False),
    },
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One training run: times without building, rewards in the order of the steps."""

    wall: float
    processor: float
    asked: int
    encoded: int
    rewards: np.ndarray  # (T, 8) float64


def train(
    agent: AgentConfig,
    scoring: ScoringConfig,
    model: ClipSizedModel,
    steps: int,
    task: TaskConfig,
) -> Measured:
    """Train for so many steps of all environments and let nothing wait at the end."""
    config = TrainConfig(
        task=task,
        reward=RewardConfig(name="clip_sized", kind="model", weights="random"),
        agent=agent,
        scoring=scoring,
        n_envs=MEMBERS,
        device="cpu",
    )
    venv = build_environments(config, model)
    source = find_source(venv)
    assert source is not None
    paid: list[np.ndarray] = []

    def listen(result: Scored | Rescored) -> None:
        if isinstance(result, Scored):
            paid.append(result.step.total)

    source.listeners.append(listen)
    learner = build_agent(
        config.agent, venv, seed=0, device=torch.device("cpu"), observation="state"
    )
    model.forget()
    wall, processor = time.perf_counter(), time.process_time()
    learner.learn(steps * MEMBERS)
    source.settle()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    venv.close()
    return Measured(
        wall=wall,
        processor=processor,
        asked=model.asked,
        encoded=model.encoded,
        rewards=np.stack(paid),
    )


def compare(trainer: str, arguments: argparse.Namespace) -> dict[str, object]:
    """Train with every kind in turn, several times over."""
    agent: AgentConfig = (
        SacConfig(learning_starts=4 * MEMBERS)
        if trainer == "sac"
        else PpoConfig(n_steps=arguments.steps, batch_size=64)
    )
    task = PAD if trainer == "finite" else PUSH
    model = ClipSizedModel(DTYPES[arguments.dtype])
    runs: dict[str, list[Measured]] = {kind: [] for kind in KINDS[trainer]}
    for repeat in range(arguments.repeats):
        for kind, scoring in KINDS[trainer].items():
            model.alone = kind == "one_by_one"
            runs[kind].append(run := train(agent, scoring, model, arguments.steps, task))
            rate = run.rewards.size / run.wall
            print(f"{trainer} {repeat} {kind}: {rate:.1f} steps/s, {run.processor:.1f} s of core")
    first = runs["immediate"][0]
    immediate = float(np.median([run.processor for run in runs["immediate"]]))
    table = {}
    for kind, measured in runs.items():
        rates = [run.rewards.size / run.wall for run in measured]
        pairs = zip(rates, runs["immediate"], strict=True)
        ratios = [rate * base.wall / base.rewards.size for rate, base in pairs]
        cores = [run.processor for run in measured]
        # Not exact: other batches, so another policy, and rewards of other steps after a while.
        same = None if "inexact" in kind else np.abs(measured[-1].rewards - first.rewards).max()
        table[kind] = {
            "steps_per_second": round(float(np.median(rates)), 2),
            "ratio_to_immediate": round(float(np.median(ratios)), 3),
            "ratios_to_immediate": [round(ratio, 3) for ratio in ratios],
            "processor_seconds": round(float(np.median(cores)), 2),
            "processor_ratio_to_immediate": round(immediate / float(np.median(cores)), 3),
            "images_asked": measured[-1].asked,
            "images_encoded": measured[-1].encoded,
            "largest_difference_of_rewards": None if same is None else float(same),
        }
    return {
        "steps": arguments.steps * MEMBERS,
        "repeats": arguments.repeats,
        "dtype": arguments.dtype,
        "threads": torch.get_num_threads(),
        "kinds": table,
    }


def encoder(arguments: argparse.Namespace) -> dict[str, object]:
    """Images per second, and milliseconds of core per image, by threads and batch."""
    model = VitB32().to(DTYPES[arguments.dtype]).eval()
    found: dict[str, object] = {"dtype": arguments.dtype}
    before = torch.get_num_threads()
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(256, 3, SIDE, SIDE, generator=rng).to(DTYPES[arguments.dtype])
    with torch.inference_mode():
        for threads in arguments.threads_tried:
            torch.set_num_threads(threads)
            for batch in (1, 8, 64, 256):
                count = max(batch, 32)
                walls, cores = [], []
                for _ in range(3 if batch < 256 else 1):
                    wall, core = time.perf_counter(), time.process_time()
                    for begin in range(0, count, batch):
                        model(images[begin : begin + batch])
                    walls.append((time.perf_counter() - wall) / count)
                    cores.append((time.process_time() - core) / count)
                row = {
                    "images_per_second": round(1.0 / float(np.median(walls)), 1),
                    "processor_ms_per_image": round(1e3 * float(np.median(cores)), 1),
                }
                found[f"{threads} threads, batch {batch}"] = row
                print(f"encoder, {threads} threads, batch {batch}: {row}")
    torch.set_num_threads(before)
    return found


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("all", *PARTS), default="all")
    parser.add_argument("--steps", type=int, default=32, help="of each environment in a run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch, in training")
    parser.add_argument("--threads-tried", type=int, nargs="+", default=[1, 2], help="encoder")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="bfloat16")
    parser.add_argument("--note", default="", help="what else the machine did")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    path = RESULTS / "deferred_scoring.json"
    figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    figures.pop("environment", None)
    for part in PARTS:
        if arguments.part in ("all", part):
            measured = encoder(arguments) if part == "encoder" else compare(part, arguments)
            figures[part] = {"note": arguments.note, **measured}
            print(f"written to {write_results('deferred_scoring', figures)}")


if __name__ == "__main__":
    main()
