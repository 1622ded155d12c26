"""``kibble adapt``: one demonstration in, a reward model that knows one task more out."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from kibble.agents.adapt.config import AdaptConfig
from kibble.agents.adapt.replay import record_replay
from kibble.agents.footage.reading import Sampling, read_footage
from kibble.rewards.adapters.grm_tiny import CARD as EMBEDDED
from kibble.rewards.catalogue import card_of
from kibble.rewards.errors import CheckpointError, ConfigError, MissingDependencyError
from kibble.rewards.grm.adaptation import AdaptationSettings, Adapted
from kibble.rewards.grm.adaptation import adapt as adapt_network
from kibble.rewards.grm.demonstration import Demonstration
from kibble.rewards.grm.replay import Replay
from kibble.rewards.loading import CONFIG_FILE, load_network, save
from kibble.rewards.reference import parse_reference

__all__ = ["adapt"]

_log = logging.getLogger(__name__)


def adapt(config: AdaptConfig) -> None:
    """Adapt a reward model to the task of a demonstration and save it.

    Args:
        config: What to do.

    Raises:
        ConfigError: If a recording does not say what it does and the configuration does not, or
            `reward` is not the embedded model.
        CheckpointError: If ``out`` holds weights already.
        FrameError: If a recording cannot be read or shows nothing.
        WeightsError: If ``reward`` names no weights.
    """
    out = Path(config.out)
    if (out / CONFIG_FILE).exists() and not config.overwrite:
        raise CheckpointError(
            f"`out` must be a directory without weights, got {out}, which has some; choose "
            "another one, or replace them with overwrite=true."
        )
    torch.set_num_threads(config.threads)
    began = time.perf_counter()
    network = load_network(_weights(config.reward))
    demonstrations, warnings = _read(config, network.config.views)
    console = Console(stderr=True, quiet=config.quiet)
    for warning in warnings:
        console.print(f"[yellow]{warning}")
    replay: list[Replay] = []
    if config.replay:
        try:
            with _bar("recording known tasks", config.quiet) as show:
                replay = record_replay(
                    [text for one in demonstrations for text in one.sentences],
                    scenes=config.replay,
                    seed=config.seed,
                    on_progress=show,
                )
        except MissingDependencyError as error:
            warnings.append(f"Known tasks were not recorded, so more is forgotten: {error}")
            _log.warning(warnings[-1])
    settings = AdaptationSettings(
        steps=config.steps,
        copies=config.copies,
        learning_rate=config.learning_rate,
        recolour=config.recolour,
        mirror=config.mirror,
        analogy=config.analogy,
        seed=config.seed,
    )
    with _bar("adapting", config.quiet) as show:
        adapted = adapt_network(
            network, demonstrations, replay=replay, settings=settings, on_step=show
        )
    name = config.name or f"{Path(_weights(config.reward)).name}_adapted"
    save(adapted.network, out, name=name)
    seconds = time.perf_counter() - began
    report = _report(config, demonstrations, adapted, warnings, seconds)
    (out / "adaptation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if not config.quiet:
        _show(console, demonstrations, adapted, out, seconds)


def _weights(text: str) -> str:
    """Name the embedded model's weights that a reference stands for."""
    reference = parse_reference(text)
    if card_of(reference) is not EMBEDDED or reference.options:
        raise ConfigError(
            f"`reward` must be the embedded model to be adapted, got {text!r}; write "
            "reward=grm_tiny or a directory of its weights. Published models are taught by their "
            "own authors' training code."
        )
    return reference.name if reference.weights is None else reference.weights


def _read(config: AdaptConfig, views: Sequence[str]) -> tuple[list[Demonstration], list[str]]:
    demonstrations, warnings = [], []
    for path in config.recordings:
        footage = read_footage(path, views=config.views, sampling=Sampling(episode=config.episode))
        instruction = config.instruction or footage.instruction
        if instruction is None:
            raise ConfigError(
                f"`instruction` must say what '{path}' does, which the recording does not; write "
                "instruction='close the red drawer'."
            )
        warnings += [f"{path}: {text}" for text in footage.warnings]
        unknown = [view for view in footage.views if view not in views]
        if unknown and len(unknown) < len(footage.views):
            warnings.append(f"{path}: views {', '.join(unknown)} are unknown and left out.")
        demonstrations.append(
            Demonstration(instruction=instruction, frames=footage.frames, also=tuple(config.also))
        )
    return demonstrations, warnings


def _report(
    config: AdaptConfig,
    demonstrations: Sequence[Demonstration],
    adapted: Adapted,
    warnings: Sequence[str],
    seconds: float,
) -> dict[str, object]:
    rows = []
    for number, demonstration in enumerate(demonstrations):
        labels = adapted.labels[number]
        rows.append(
            {
                "recording": config.recordings[number],
                "sentences": list(demonstration.sentences),
                "stages": list(labels.stages),
                "settled": labels.settled,
                "labels": _rounded(labels.progress),
                "before": _rounded(adapted.before[number]),
                "after": _rounded(adapted.after[number]),
                "success": _rounded(adapted.success[number]),
            }
        )
    return {
        "settings": asdict(config),
        "demonstrations": rows,
        "new_words": list(adapted.new_words),
        "gap": round(adapted.gap, 4),
        "analogy": adapted.analogy,
        "scale": round(adapted.scale, 4),
        "bias": round(adapted.bias, 4),
        "error_on_unseen_copies": round(adapted.error, 4),
        "drift": _number(adapted.drift),
        "success_drift": _number(adapted.success_drift),
        "seconds": round(seconds, 1),
        "warnings": list(warnings),
    }


def _number(value: float) -> float | None:
    return None if value != value else round(value, 5)  # JSON knows no NaN


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 4) for value in values]


@contextlib.contextmanager
def _bar(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def show(finished: int, total: int) -> None:
            bar.update(task, completed=finished, total=total)

        yield show


def _show(
    console: Console,
    demonstrations: Sequence[Demonstration],
    adapted: Adapted,
    out: Path,
    seconds: float,
) -> None:
    table = Table(title="Progress of the demonstration, first and last frame")
    for column in ("instruction", "before", "after", "success at the end"):
        table.add_column(column)
    for number, demonstration in enumerate(demonstrations):
        before, after = adapted.before[number], adapted.after[number]
        table.add_row(
            demonstration.instruction,
            f"{before[0]:.2f} to {before[-1]:.2f}",
            f"{after[0]:.2f} to {after[-1]:.2f}",
            f"{adapted.success[number][-1]:.2f}",
        )
    console.print(table)
    known = (
        f"Progress of known tasks moved by {adapted.drift:.3f} on average."
        if adapted.drift == adapted.drift
        else "How much known tasks moved was not measured: no scenes of them."
    )
    console.print(f"{known} {seconds:.0f} s; weights and adaptation.json are in {out}.")
