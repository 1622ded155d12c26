"""One task learned twice at one budget: guided by the reward model, and by success alone."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from pathlib import Path

from rich.console import Console

from kibble.agents.config import DemoConfig, EvaluateConfig, RewardConfig, TrainConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.evaluate import run_evaluation
from kibble.agents.progress_display import success_share
from kibble.agents.run_directory import free_directory
from kibble.agents.train import run_training
from kibble.rewards.errors import CheckpointError

__all__ = ["demo", "demo_runs"]

_SPARSE = RewardConfig(name="sparse", kind="sparse")
_SECONDS_BETWEEN_LINES = 20.0


def demo(config: DemoConfig) -> None:
    """Train, evaluate and say where table, curves and films are: the command ``kibble demo``.

    Args:
        config: Task, reward, budget.

    Raises:
        KibbleError: If something in the configuration does not fit.
    """
    began = time.perf_counter()
    console = Console(stderr=True)
    out = _make_directory(config.out)
    runs = demo_runs(config, out)
    jobs = config.jobs or min(os.cpu_count() or 1, 2)
    console.print(
        f"{config.task.name}: {len(runs)} runs of {config.steps:,} steps, {jobs} at a time, "
        f"in {out}",
        highlight=False,
        soft_wrap=True,
    )
    _train_all(runs, jobs=jobs, console=console)
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


def _make_directory(out: str | None) -> Path:
    if out is not None:
        path = Path(out)
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            raise CheckpointError(
                f"`out` must name a new directory, got '{path}', which exists; choose another "
                "name, or remove it. Nothing was changed."
            ) from error
        return path
    return free_directory(Path("runs") / "demo")


def _train_all(runs: Mapping[Path, TrainConfig], *, jobs: int, console: Console) -> None:
    """Train every run in a process of its own, a few at a time, and say how they go."""
    # A forked process would inherit OpenGL's and torch's threads in an unusable state.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting: set[Future[object]] = {
            pool.submit(run_training, config) for config in runs.values()
        }
        while waiting:
            done, waiting = wait(
                waiting, timeout=_SECONDS_BETWEEN_LINES, return_when=FIRST_EXCEPTION
            )
            for future in done:
                try:
                    future.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            console.print(_state_of(list(runs.items())), highlight=False, soft_wrap=True)


def _state_of(runs: Sequence[tuple[Path, TrainConfig]]) -> str:
    """Say in one line how far each run is."""
    parts = []
    for path, config in runs:
        records = list(read_episodes(path / "episodes.jsonl"))
        if not records:
            parts.append(f"{path.name}: not yet")
            continue
        share = success_share(records[-50:])
        success = "unknown" if share is None else f"{100 * share:.0f} %"
        parts.append(f"{path.name}: {records[-1].steps}/{config.steps} steps, success {success}")
    return "; ".join(parts)
