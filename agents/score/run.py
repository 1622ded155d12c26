"""``kibble score``: has reward models read a recording, and says and shows what they think."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kibble.agents.devices import resolve_device
from kibble.agents.footage.footage import Footage
from kibble.agents.footage.reading import Sampling, read_footage
from kibble.agents.run_directory import free_directory
from kibble.agents.score.bag_output import check_target, write_bag
from kibble.agents.score.config import ScoreConfig
from kibble.agents.score.curves import read_curve
from kibble.agents.score.judging import (
    asked_of,
    flags_and_summaries,
    goal_frames,
    open_models,
    task_of,
)
from kibble.agents.score.results import Scores, write_results
from kibble.rewards.errors import CheckpointError

__all__ = ["run_scoring", "score"]


def score(config: ScoreConfig) -> int:
    """Score and say what came out: the command ``kibble score``.

    Returns:
        Exit status: 1 if a recording of a collection could not be read, else 0.
    """
    if config.collection is not None:
        return _score_collection(config)
    scores = run_scoring(config)
    print(f'"{scores.instruction}", {len(scores.footage)} frames')
    for curve, summary in zip(scores.curves, scores.summaries, strict=True):
        print(
            f"{curve.label}: progress {_shown(summary.final_progress)} at the end, "
            f"{_shown(summary.best_progress)} at best; success {_shown(summary.final_success)} at "
            f"the end; confidence {_shown(summary.mean_confidence)}"
        )
    for flag in scores.flags:
        print(f"Note: {flag.text}")
    print(f"Report: {scores.out / 'report.html'} (with scores.parquet, scores.json, overlay.mp4)")
    if config.bag is not None:
        print(f"Bag: {config.bag} (rewards on {', '.join(scores.topics)})")
    return 0


def _score_collection(config: ScoreConfig) -> int:
    from kibble.agents.score.collection.run import score_collection

    out, outcomes = score_collection(config)
    failed = {key: outcome for key, outcome in outcomes.items() if outcome["error"] is not None}
    for key, outcome in failed.items():
        print(f"Not read: {key}: {outcome['error']}")
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} recordings read")
    print(f"Table: {out / 'collection.parquet'} (every frame: {out / 'frames'})")
    return 1 if failed else 0


def run_scoring(config: ScoreConfig) -> Scores:
    """Read the recording with every model and write all results.

    Returns:
        What came out.

    Raises:
        KibbleError: If the input, a model or the output folder is not usable.
    """
    torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    _check_out(config)
    target = None if config.bag is None else check_target(config.input, config.bag)
    sampling = Sampling(
        max_frames=config.max_frames,
        fps=config.fps,
        episode=config.episode,
        tolerance=config.tolerance,
    )
    footage = read_footage(config.input, views=config.views, sampling=sampling, device=device)
    task = task_of(config.instruction, footage, goal_frames(config.goal, config.views))
    models = open_models(
        config.reward, views=footage.views, device=device, goal=config.goal is not None
    )
    with _progress(config) as progress:
        curves = []
        for asked in asked_of(models, footage, by_view=config.by_view):
            bar = progress.add_task(f"reading with {asked.label}", total=len(footage))
            count = partial(progress.advance, bar)
            curves.append(
                read_curve(asked.model, asked.frames, task, label=asked.label, on_frame=count)
            )
        flags, summaries = flags_and_summaries(curves, models, footage, task)
        scores = Scores(
            out=_make_out(config, footage),
            footage=footage,
            instruction=task.instruction,
            curves=tuple(curves),
            summaries=summaries,
            flags=flags,
        )
        bar = progress.add_task("drawing", total=2 * len(footage))
        write_results(scores, on_frame=partial(progress.advance, bar, 1))
        if target is not None:
            bar = progress.add_task("copying the bag", total=None)
            topics = write_bag(
                Path(config.input),
                target,
                footage=footage,
                views=config.views,
                instruction=task.instruction,
                curves=tuple(curves),
                on_message=lambda count, total: progress.update(bar, completed=count, total=total),
            )
            scores = replace(scores, topics=topics)
    return scores


def _progress(config: ScoreConfig) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=config.quiet or not console.is_terminal,
    )


def _check_out(config: ScoreConfig) -> None:
    if config.out is None:
        return
    out = Path(config.out)
    if out.exists() and not out.is_dir():
        raise CheckpointError(f"`out` must be a folder, got the file '{out}'; choose another.")
    if out.is_dir() and any(out.iterdir()) and not config.overwrite:
        raise CheckpointError(
            f"`out` must be a new or an empty folder, got '{out}' with files in it; choose "
            "another name, or add overwrite=true. Nothing was changed."
        )


def _make_out(config: ScoreConfig, footage: Footage) -> Path:
    if config.out is None:
        return free_directory(Path("scores") / footage.name)
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    return out


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
