"""``kibble score``: has reward models read a recording, and says and shows what they think."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kibble.agents.builders import resolve_device
from kibble.agents.footage.footage import Footage
from kibble.agents.footage.reading import Sampling, read_footage
from kibble.agents.run_directory import free_directory
from kibble.agents.score.config import ScoreConfig
from kibble.agents.score.curves import Curve, read_curve, readable_views
from kibble.agents.score.results import Scores, write_results
from kibble.agents.score.summary import Flag, flags_of, summarise
from kibble.agents.score.words import flag_words
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["run_scoring", "score"]


def score(config: ScoreConfig) -> None:
    """Score and say what came out: the command ``kibble score``."""
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
    sampling = Sampling(max_frames=config.max_frames, fps=config.fps, episode=config.episode)
    footage = read_footage(config.input, views=config.views, sampling=sampling, device=device)
    instruction = config.instruction or footage.instruction
    if instruction is None:
        raise ConfigError(
            "`instruction` must say what was wanted, got nothing from the command or the "
            "recording; write instruction='push the red cube onto the green pad'."
        )
    task = Task(instruction=instruction.strip(), goal_frames=_goal(config))
    models = _open_models(config, footage, device)
    with _progress(config) as progress:
        curves = _read(models, footage, task, by_view=config.by_view, progress=progress)
        scores = _judge(curves, models, footage, task, _make_out(config, footage))
        bar = progress.add_task("drawing", total=2 * len(footage))
        write_results(scores, on_frame=partial(progress.advance, bar, 1))
    return scores


def _judge(
    curves: Sequence[Curve],
    models: Mapping[str, RewardModel],
    footage: Footage,
    task: Task,
    out: Path,
) -> Scores:
    """Sum up what was read, and collect the reasons to be careful, gravest first."""
    summaries = [summarise(curve, footage.times, footage.oracle) for curve in curves]
    flags = [
        *(flag for pair in zip(curves, summaries, strict=True) for flag in flags_of(*pair)),
        *(
            flag
            for label, model in models.items()
            for flag in flag_words(model, task.instruction, label=label)
        ),
        *(Flag(code="recording", text=text) for text in footage.warnings),
    ]
    return Scores(
        out=out,
        footage=footage,
        instruction=task.instruction,
        curves=tuple(curves),
        summaries=tuple(summaries),
        flags=tuple(sorted(flags, key=lambda flag: not flag.grave)),
    )


def _open_models(
    config: ScoreConfig, footage: Footage, device: torch.device
) -> dict[str, RewardModel]:
    """Open every model under a name of its own."""
    models: dict[str, RewardModel] = {}
    for name in config.reward:
        model = open_model(name, device=device, views=footage.views)
        if model.spec.needs_goal and config.goal is None:
            raise ConfigError(
                f"`goal` must show the finished scene for reward={name}, got nothing; write "
                "goal=finished.png, or goal=demo.mp4 for a video that ends with it."
            )
        label = model.spec.name if model.spec.name not in models else name
        models[label] = model
    return models


def _goal(config: ScoreConfig) -> Frames | None:
    if config.goal is None:
        return None
    footage = read_footage(config.goal, views=config.views, sampling=Sampling())
    return {view: frames[-1:] for view, frames in footage.frames.items()}


def _read(
    models: dict[str, RewardModel],
    footage: Footage,
    task: Task,
    *,
    by_view: bool,
    progress: Progress,
) -> list[Curve]:
    """Read the footage with every model, and where asked for each view alone."""
    asked: list[tuple[str, RewardModel, Frames]] = []
    for label, model in models.items():
        asked.append((label, model, footage.frames))
        if by_view:
            for view in readable_views(model.spec, footage.views):
                asked.append((f"{label}, {view} alone", model, {view: footage.frames[view]}))
    curves = []
    for label, model, frames in asked:
        bar = progress.add_task(f"reading with {label}", total=len(footage))
        count = partial(progress.advance, bar)
        curves.append(read_curve(model, frames, task, label=label, on_frame=count))
    return curves


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
