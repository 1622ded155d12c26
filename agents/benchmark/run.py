"""``kibble benchmark``: data, readings, figures, table and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from kibble.agents.benchmark.config import BenchmarkConfig
from kibble.agents.benchmark.data import check_views, open_trials, source_of, view_names
from kibble.agents.benchmark.measures.all import measure, measure_tasks
from kibble.agents.benchmark.measures.evidence import Measured
from kibble.agents.benchmark.plan import Showing, plan_showings
from kibble.agents.benchmark.readings import (
    Readings,
    frames_of,
    load_readings,
    mark_of_data,
    mark_of_readings,
    read_all,
    save_readings,
)
from kibble.agents.benchmark.report import figures_of, reasons_of, write_pictures, write_report
from kibble.agents.benchmark.speed import measure_speed
from kibble.agents.benchmark.table import benchmark_table
from kibble.agents.benchmark.trials import Trial
from kibble.agents.builders import resolve_device
from kibble.agents.model_labels import file_name, labels_of
from kibble.agents.progress_bar import bar
from kibble.rewards.baselines import BASELINES
from kibble.rewards.catalogue import open_model
from kibble.rewards.metrics.bootstrap import Figure
from kibble.rewards.reference import parse_reference
from kibble.rewards.types import RewardModel

__all__ = ["benchmark", "run_benchmark"]

_TASK_RESAMPLES = 200
_REASONS_SHOWN = 4


def benchmark(config: BenchmarkConfig) -> None:
    """Benchmark as configured: the command ``kibble benchmark``; see :func:`run_benchmark`."""
    run_benchmark(config)


def run_benchmark(config: BenchmarkConfig) -> dict[str, Measured]:
    """Measure reward models on the same data and report.

    Args:
        config: Models, data and report folder.

    Returns:
        Model to metric to its figure, or to the reason why it is absent.

    Raises:
        KibbleError: If a model or the data cannot be used.
    """
    torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    out, data = Path(config.out), Path(config.data)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a pipe has no width of its own
    source = source_of(data)
    names = view_names(config, source)
    labels = labels_of(config.reward)
    models = {
        label: open_model(reference, device=device, views=names)
        for label, reference in labels.items()
    }
    for label, model in models.items():
        check_views(label, model, names)
    trials = open_trials(config, source, models)
    showings = plan_showings(trials, seed=config.seed)
    data_mark = mark_of_data(trials, showings)
    out.mkdir(parents=True, exist_ok=True)
    readings: dict[str, Readings] = {}
    measured: dict[str, Measured] = {}
    by_task: dict[str, Mapping[str, Measured]] = {}
    for label, model in models.items():
        options = "".join(map(str, parse_reference(labels[label]).options))
        mark = data_mark + options
        readings[label], speed = _read(config, label, model, trials, showings, mark)
        with bar(config.quiet, f"measuring {label}") as show:
            show(0, 2)
            figures = measure(
                trials, readings[label], seed=config.seed, resamples=config.resamples
            )
            show(1, 2)
            by_task[label] = measure_tasks(
                trials,
                readings[label],
                seed=config.seed,
                resamples=min(config.resamples, _TASK_RESAMPLES),
            )
            show(2, 2)
        measured[label] = {**figures, **speed}
    baselines = [
        label
        for label, reference in labels.items()
        if parse_reference(reference).name in BASELINES
    ]
    write_report(out, config, models, trials, measured, by_task, readings)
    plots = write_pictures(out, trials, measured, readings, baselines)
    console.print(benchmark_table(measured, baselines))
    _print_reasons(console, measured)
    console.print(f"Figures: {out / 'benchmark.json'}; pictures: {plots}", highlight=False)
    return measured


def _read(
    config: BenchmarkConfig,
    label: str,
    model: RewardModel,
    trials: Sequence[Trial],
    showings: Sequence[Showing],
    data_mark: str,
) -> tuple[Readings, Measured]:
    """Readings and speed of a model, kept from last time where nothing has changed."""
    with_goal = config.goal or model.spec.needs_goal
    folder = Path(config.out) / "readings"
    name = file_name(label)
    file, speed_file = folder / f"{name}.npz", folder / f"{name}.speed.json"
    mark = mark_of_readings(model, data_mark, with_goal=with_goal)
    readings = load_readings(file, showings, mark)
    if readings is None:
        speed_file.unlink(missing_ok=True)
        total, done = sum(frames_of(trials, showing) for showing in showings), 0
        with bar(config.quiet, f"reading with {label}") as show:

            def on_frame(count: int) -> None:
                nonlocal done
                done += count
                show(done, total)

            readings = read_all(
                model,
                trials,
                showings,
                with_goal=with_goal,
                batch=config.batch,
                on_frame=on_frame,
            )
        save_readings(file, readings, showings, mark)
    if speed_file.exists():
        stored = json.loads(speed_file.read_text())
        kept: Measured = {key: Figure(**figure) for key, figure in stored["figures"].items()}
        return readings, {**kept, **stored["absent"]}
    speed = measure_speed(
        model,
        trials,
        with_goal=with_goal,
        batch=config.batch,
        seed=config.seed,
        resamples=config.resamples,
    )
    document = {"figures": figures_of(speed), "absent": reasons_of(speed)}
    speed_file.write_text(json.dumps(document, indent=1) + "\n")
    return readings, speed


def _print_reasons(console: Console, measured: Mapping[str, Measured]) -> None:
    """Say what is absent and why, each reason once."""
    absent: dict[tuple[str, str], list[str]] = {}
    for metric in dict.fromkeys(name for figures in measured.values() for name in figures):
        by_reason: dict[str, list[str]] = {}
        for label, figures in measured.items():
            reason = figures.get(metric)
            if isinstance(reason, str):
                by_reason.setdefault(reason, []).append(label)
        for reason, labels in by_reason.items():
            whose = "" if len(labels) == len(measured) else f" for {', '.join(labels)}"
            absent.setdefault((whose, reason), []).append(metric)
    for (whose, reason), metrics in absent.items():
        shown, left = ", ".join(metrics[:_REASONS_SHOWN]), len(metrics) - _REASONS_SHOWN
        rest = f" and {left} more" if left > 0 else ""
        console.print(f"Absent{whose}: {shown}{rest}: {reason}.", highlight=False)
