"""``kibble pretrain``: clips, training, and agreement with the oracle."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from kibble.agents.builders import resolve_device
from kibble.agents.pretrain.calibrating import calibrate
from kibble.agents.pretrain.clip_reading import read_clip_datasets
from kibble.agents.pretrain.config import PretrainConfig
from kibble.agents.pretrain.heldout import Agreement, agreement
from kibble.agents.pretrain.heldout_recording import APPEARANCES, heldout_clips
from kibble.agents.pretrain.model_card import model_card
from kibble.agents.pretrain.recording import record
from kibble.agents.progress_bar import bar
from kibble.rewards.errors import CheckpointError
from kibble.rewards.grm.clips import Clip
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.network import GrmNetwork, NetworkConfig
from kibble.rewards.grm.training import Trainer, TrainingSettings
from kibble.rewards.loading import CONFIG_FILE, load, load_network, save

__all__ = ["pretrain"]

_CHECKPOINT = "training.ckpt"
_CHECKPOINT_EVERY = 200
_JUDGED = ("success", "partial", "regress", "near_miss", "wrong_object", "stall", "random")

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
    device = resolve_device(config.device)
    torch.set_num_threads(config.threads)
    with bar(config.quiet, "recording") as show:
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
    with bar(config.quiet, "decoding") as show:
        clips = read_clip_datasets(
            data, tasks=config.tasks, workers=config.workers, on_progress=show
        )
    trainer = Trainer(
        _network(config, clips),
        clips,
        _settings(config, device),
        teacher=None if config.teacher is None else load_network(config.teacher),
    )
    out.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        trainer.restore(checkpoint)
    with (
        bar(config.quiet, "training") as show,
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
    with bar(config.quiet, "calibrating") as show:
        calibrate(
            out,
            name=config.name,
            tasks=config.tasks,
            episodes=config.heldout_episodes,
            on_progress=show,
        )
    frames = sum(len(clip) * len(clip.frames) for clip in clips)
    _report(config, clips=len(clips), images=frames)


def _report(config: PretrainConfig, *, clips: int, images: int) -> None:
    """Compare the saved model with the oracle; write figures and model card beside it."""
    out, model = Path(config.out), load(config.out)
    rows: dict[str, list[Agreement]] = {appearance: [] for appearance in APPEARANCES}
    per_kind = dict.fromkeys(_JUDGED, config.heldout_episodes)
    total = len(rows) * len(config.tasks)
    with bar(config.quiet, "comparing with the oracle") as show:
        for appearance, task in itertools.product(rows, config.tasks):
            judged = heldout_clips(task, per_kind=per_kind, appearance=appearance)
            rows[appearance].append(agreement(model, judged))
            show(sum(map(len, rows.values())), total)
    figures = {appearance: [asdict(row) for row in found] for appearance, found in rows.items()}
    report = {"config": asdict(config), "agreement": figures}
    (out / "agreement.json").write_text(json.dumps(report, indent=1) + "\n")
    bins = model.network.config.bins
    card = model_card(config, rows, clips=clips, images=images, bins=bins)
    (out / "MODEL_CARD.md").write_text(card)
    for appearance, found in rows.items():
        _show(found, appearance)
    Console().print(f"Weights, agreement.json and MODEL_CARD.md are in {out}.")


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


def _settings(config: PretrainConfig, device: torch.device) -> TrainingSettings:
    return TrainingSettings(
        steps=config.steps,
        clips_per_batch=config.clips_per_batch,
        frames_per_clip=config.frames_per_clip,
        instructions_per_clip=config.instructions_per_clip,
        learning_rate=config.learning_rate,
        seed=config.seed,
        device=device,
    )


def _show(rows: Sequence[Agreement], appearance: str) -> None:
    table = Table(title=f"Agreement with the oracle on unseen scenes, {appearance} appearance")
    names = [name for name in asdict(rows[0]) if name not in ("task", "frames")]
    for name in ("task", *names):
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(row.task, *(f"{asdict(row)[name]:.3f}" for name in names))
    Console().print(table)
