"""``kibble pretrain``: clips, training, and agreement with the oracle."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from kibble.agents.pretrain.config import PretrainConfig
from kibble.agents.pretrain.heldout import Agreement, agreement
from kibble.agents.pretrain.model_card import model_card
from kibble.agents.pretrain.recording import record, record_clip, task_id
from kibble.envs.tabletop import TabletopEnv
from kibble.rewards.errors import CheckpointError
from kibble.rewards.grm.clips import Clip, read_clips
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.network import GrmNetwork, NetworkConfig
from kibble.rewards.grm.training import Trainer, TrainingSettings
from kibble.rewards.loading import CONFIG_FILE, load, load_network, save

__all__ = ["heldout_clips", "pretrain"]

_CHECKPOINT = "training.ckpt"
_CHECKPOINT_EVERY = 200
_HELDOUT_SEED = 987_654  # no training seed reaches these scenes

_log = logging.getLogger(__name__)


def pretrain(config: PretrainConfig) -> None:
    """Record clips, train a network on them, save it, and report how it agrees with the oracle.

    Args:
        config: What to do.

    Raises:
        CheckpointError: If the directory already holds weights, or a checkpoint does not fit.
    """
    out, data = Path(config.out), Path(config.data)
    checkpoint = out / _CHECKPOINT
    if (out / CONFIG_FILE).exists() or (checkpoint.exists() and not config.resume):
        raise CheckpointError(
            f"`out` must be a directory without weights, got {out}, which has some; choose "
            "another `out`, or continue a run that was stopped with resume=true."
        )
    torch.set_num_threads(config.threads)
    with _bar(config.quiet, "recording") as show:
        record(
            data,
            tasks=config.tasks,
            episodes_per_task=config.episodes_per_task,
            seed=config.seed,
            steps=config.episode_steps,
            stride=config.stride,
            workers=config.workers,
            on_progress=show,
        )
    clips = [clip for clip in read_clips(data) if clip.task in config.tasks]
    trainer = Trainer(_network(config, clips), clips, _settings(config))
    out.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        trainer.restore(checkpoint)
    with (
        _bar(config.quiet, "training") as show,
        (out / "training.jsonl").open("a", buffering=1) as file,
    ):

        def on_step(step: int, terms: Mapping[str, float]) -> None:
            show(step, config.steps)
            if step % 10 == 0:
                file.write(json.dumps({"step": step, **terms}) + "\n")
            if step % _CHECKPOINT_EVERY == 0:
                trainer.save(checkpoint)

        trainer.run(on_step=on_step)
    save(trainer.network, out, name=config.name)
    checkpoint.unlink(missing_ok=True)
    rows = _compare(config)
    report = {"config": asdict(config), "agreement": [asdict(row) for row in rows]}
    (out / "agreement.json").write_text(json.dumps(report, indent=1) + "\n")
    frames = sum(len(clip) * len(clip.frames) for clip in clips)
    (out / "MODEL_CARD.md").write_text(model_card(config, rows, clips=len(clips), images=frames))
    _show(rows, out)


def heldout_clips(task: str, episodes: int) -> tuple[list[Clip], list[bool]]:
    """Clips of scenes that training never saw, at every control step, half of them by experts.

    Args:
        task: Name of the task.
        episodes: Number of clips.

    Returns:
        The clips, and for each whether an expert acted in it.
    """
    env = gym.make(task_id(task), render_mode="rgb_array").unwrapped
    assert isinstance(env, TabletopEnv)
    rng = np.random.default_rng(_HELDOUT_SEED)
    by_expert = [i % 2 == 1 for i in range(episodes)]
    clips = [
        record_clip(
            env, task=task, rng=rng, steps=60, stride=1, kind="expert" if expert else "mixed"
        )
        for expert in by_expert
    ]
    env.close()
    return clips, by_expert


def _network(config: PretrainConfig, clips: Sequence[Clip]) -> GrmNetwork:
    """The network to start from: given weights with their vocabulary, or new ones."""
    if config.init is not None:
        return load_network(config.init)
    vocabulary = Tokenizer.collect(
        sentence for clip in clips for phrasings in clip.phrasings for sentence in phrasings
    )
    views = tuple(clips[0].frames)
    height, width = clips[0].frames[views[0]].shape[1:3]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return GrmNetwork(
            NetworkConfig(views=views, vocabulary=vocabulary, image_size=(height, width))
        )


def _settings(config: PretrainConfig) -> TrainingSettings:
    return TrainingSettings(
        steps=config.steps,
        clips_per_batch=config.clips_per_batch,
        frames_per_clip=config.frames_per_clip,
        instructions_per_clip=config.instructions_per_clip,
        learning_rate=config.learning_rate,
        seed=config.seed,
    )


def _compare(config: PretrainConfig) -> list[Agreement]:
    model = load(config.out)
    rows = []
    for task in config.tasks:
        clips, by_expert = heldout_clips(task, config.heldout_episodes)
        rows.append(agreement(model, clips, expert=by_expert))
    return rows


@contextlib.contextmanager
def _bar(quiet: bool, what: str) -> Iterator[Callable[[int, int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, disable=quiet) as progress:
        bar = progress.add_task(what, total=None)

        def show(finished: int, total: int) -> None:
            progress.update(bar, completed=finished, total=total)

        yield show


def _show(rows: Sequence[Agreement], out: Path) -> None:
    table = Table(title="Agreement with the oracle on unseen scenes")
    names = [name for name in asdict(rows[0]) if name not in ("task", "frames")]
    for name in ("task", *names):
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(row.task, *(f"{asdict(row)[name]:.3f}" for name in names))
    console = Console()
    console.print(table)
    console.print(f"Weights, agreement.json and MODEL_CARD.md are in {out}.")
