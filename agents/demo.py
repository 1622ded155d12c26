"""One task learned twice at one budget: guided by the reward model, and by success alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rich.console import Console

from kibble.agents.config import DemoConfig, EvaluateConfig, RewardConfig, TrainConfig
from kibble.agents.evaluate import run_evaluation
from kibble.agents.run_directory import new_directory
from kibble.agents.sweep.capacity import available_cores, available_memory, jobs_that_fit
from kibble.agents.sweep.display import SweepDisplay
from kibble.agents.sweep.processes import run_processes
from kibble.agents.sweep.record import Budget
from kibble.agents.train import run_training
from kibble.rewards.errors import CheckpointError

__all__ = ["demo", "demo_runs"]

_SPARSE = RewardConfig(name="sparse", kind="sparse")


def demo(config: DemoConfig) -> None:
    """Train, evaluate and say where table, curves and films are: the command ``kibble demo``.

    Args:
        config: Task, reward, budget.

    Raises:
        KibbleError: If something in the configuration does not fit.
    """
    began = time.perf_counter()
    console = Console(stderr=True)
    out = new_directory(config.out, otherwise=Path("runs") / "demo")
    runs = demo_runs(config, out)
    jobs = config.jobs or min(jobs_that_fit(available_cores(), available_memory()), 2)
    console.print(
        f"{config.task.name}: {len(runs)} runs of {config.steps:,} steps, {jobs} at a time, "
        f"in {out}",
        highlight=False,
        soft_wrap=True,
    )
    _train_all(runs, jobs=jobs, logs=out / "logs", console=console)
    run_evaluation(
        EvaluateConfig(
            run=[str(path) for path in runs],
            episodes=config.episodes,
            seeds=[0],
            out=str(out),
            videos=1,
        )
    )
    films = sorted(out.glob("*/videos/*.mp4"), key=lambda path: "success" not in path.name)
    say = Console(soft_wrap=True, highlight=False).print
    say(f"Learning curves: {out / 'plots' / 'learning_curves.png'}")
    for film in films:
        say(f"Film with progress: {film}")
    say(f"It took {(time.perf_counter() - began) / 60:.1f} minutes.")


def demo_runs(config: DemoConfig, out: Path) -> dict[Path, TrainConfig]:
    """Return the runs of a demo: each seed with the reward model and without."""
    runs: dict[Path, TrainConfig] = {}
    for seed in config.seeds:
        for reward in (config.reward, _SPARSE):
            path = out / f"{reward.name}-seed{seed}"
            runs[path] = TrainConfig(
                task=config.task,
                reward=reward,
                shaping=config.shaping,
                agent=config.agent,
                seed=seed,
                steps=config.steps,
                run=str(path),
                device="cpu",
                quiet=True,
            )
    return runs


def _train_all(
    runs: Mapping[Path, TrainConfig], *, jobs: int, logs: Path, console: Console
) -> None:
    """Train every run in a process of its own, a few at a time, and show how they go."""
    calls = {path.name: partial(run_training, config) for path, config in runs.items()}
    budgets = {
        path.name: (path, Budget(steps=config.steps, rollouts=config.rollouts))
        for path, config in runs.items()
    }
    failed: dict[str, int] = {}
    with SweepDisplay(budgets, console=console, quiet=False, what="training") as display:

        def ended(name: str, code: int) -> None:
            display.ended(name, failed=code != 0)
            if code != 0:
                failed[name] = code

        run_processes(calls, at_once=jobs, logs=logs, on_start=display.started, on_end=ended)
    for name, code in failed.items():
        log = logs / f"{name}.log"
        words = log.read_text(encoding="utf-8").strip().splitlines()[-1:] or ["nothing was said"]
        raise CheckpointError(
            f"Every run of the demo must train to its end, got '{name}', which ended with status "
            f"{code}: {words[0]} Its log is '{log}'; mend that and start anew."
        )
