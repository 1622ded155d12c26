"""The report folder: figures, reasons for what is absent, and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.config import BenchmarkConfig
from kibble.agents.benchmark.measures.evidence import Evidence, Measured
from kibble.agents.benchmark.measures.instruction import task_confusion, tasks_of
from kibble.agents.benchmark.measures.outcome import success_samples
from kibble.agents.benchmark.metrics_shown import METRICS
from kibble.agents.benchmark.pictures.bars import plot_metric, plot_overview
from kibble.agents.benchmark.pictures.matrices import plot_confusion, plot_reliability
from kibble.agents.benchmark.pictures.order import plot_curves, plot_order
from kibble.agents.benchmark.readings import Readings
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.metrics.bootstrap import Figure
from kibble.rewards.types import RewardModel

__all__ = ["figures_of", "reasons_of", "write_pictures", "write_report"]


def figures_of(measured: Measured) -> dict[str, dict[str, float | int]]:
    """Metric to ``{"value", "low", "high", "n"}``; what is absent is left out."""
    return {
        name: figure.as_json() for name, figure in measured.items() if isinstance(figure, Figure)
    }


def reasons_of(measured: Measured) -> dict[str, str]:
    """Metric that is absent to the reason."""
    return {name: reason for name, reason in measured.items() if isinstance(reason, str)}


def write_report(
    out: Path,
    config: BenchmarkConfig,
    models: Mapping[str, RewardModel],
    trials: Sequence[Trial],
    measured: Mapping[str, Measured],
    by_task: Mapping[str, Mapping[str, Measured]],
    readings: Mapping[str, Readings],
) -> None:
    """Write ``benchmark.json``, the figures alone, and ``report.json``, all that explains them.

    Args:
        out: The report folder.
        config: What was asked for.
        models: Name to model.
        trials: The trials.
        measured: Model to its figures.
        by_task: Model to task to figures.
        readings: Model to its readings.
    """
    _write(out / "benchmark.json", {name: figures_of(each) for name, each in measured.items()})
    matrices = {name: task_confusion(_evidence(trials, each)) for name, each in readings.items()}
    document = {
        "settings": asdict(config),
        "episodes": len(trials),
        "frames": sum(trial.steps for trial in trials),
        "models": {
            name: {"name": model.spec.name, "version": model.spec.version}
            for name, model in models.items()
        },
        "absent": {name: reasons_of(each) for name, each in measured.items()},
        "tasks": {
            name: {task: figures_of(each) for task, each in tasks.items()}
            for name, tasks in by_task.items()
        },
        "confusion": {
            "tasks": list(dict.fromkeys(trial.task for trial in trials)),
            "mean_progress": {
                name: [[None if np.isnan(v) else v for v in row] for row in matrix.tolist()]
                for name, matrix in matrices.items()
            },
        },
    }
    _write(out / "report.json", document)


def write_pictures(
    out: Path,
    trials: Sequence[Trial],
    measured: Mapping[str, Measured],
    readings: Mapping[str, Readings],
    baselines: Sequence[str],
) -> Path:
    """Draw a picture of every metric and those that show more than a number.

    Args:
        out: The report folder.
        trials: The trials.
        measured: Model to its figures.
        readings: Model to its readings.
        baselines: Which of the models are baselines.

    Returns:
        The folder of pictures.
    """
    plots = out / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for metric in METRICS:
        plot_metric(metric, measured, baselines, plots / f"{metric.name}.png")
    plot_overview(measured, baselines, plots / "overview.png")
    plot_order(measured, baselines, plots / "voc.png")
    plot_curves(trials, readings, baselines, plots / "curves.png")
    evidence = {name: _evidence(trials, each) for name, each in readings.items()}
    first = next(iter(evidence.values()))
    matrices = {name: task_confusion(each) for name, each in evidence.items()}
    plot_confusion(matrices, tasks_of(first), plots / "confusion.png")
    samples: dict[str, tuple[NDArray[np.bool_], NDArray[np.float32]]] = {}
    for name, each in evidence.items():
        pairs = success_samples(each)
        if pairs:
            labels, scores = zip(*pairs, strict=True)
            samples[name] = np.concatenate(labels), np.concatenate(scores)
    plot_reliability(samples, baselines, plots / "reliability.png")
    return plots


def _evidence(trials: Sequence[Trial], readings: Readings) -> Evidence:
    return Evidence(trials=trials, readings=readings, seed=0, resamples=1)


def _write(path: Path, document: object) -> None:
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    aside = path.with_name(f".{path.name}.unfinished")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
