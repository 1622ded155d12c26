"""``kibble pretrain_keypoints``: recording, training, and error on unseen scenes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from kibble.agents.devices import resolve_device
from kibble.agents.keypoint_training.accuracy import Accuracy, accuracies, choose_samples
from kibble.agents.keypoint_training.config import PretrainKeypointsConfig
from kibble.agents.keypoint_training.model_card import keypoint_card
from kibble.agents.keypoint_training.recording import record_keypoints
from kibble.agents.keypoint_training.samples import Samples, read_samples
from kibble.agents.keypoint_training.training import KeypointTrainer, KeypointTrainingSettings
from kibble.agents.progress_bar import bar
from kibble.envs.tabletop import TabletopEnv
from kibble.rewards.errors import CheckpointError
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.keypoints.embedded.loading import save_network
from kibble.rewards.keypoints.embedded.network import KeypointConfig, KeypointNetwork
from kibble.rewards.keypoints.embedded.plan import Plan
from kibble.rewards.weight_files import CONFIG_FILE

__all__ = ["pretrain_keypoints"]

_CHECKPOINT = "training.ckpt"
_CHECKPOINT_EVERY = 200
_LOOKS = ("plain", "heldout")


def pretrain_keypoints(config: PretrainKeypointsConfig) -> None:
    """Record keypoints, train a network on them, save it, and report how far it is off.

    Args:
        config: What to do.

    Raises:
        CheckpointError: If the directory already holds weights, a checkpoint does not fit, or
            there is nothing recorded to train on.
    """
    if config.stage != "train":
        _record(config)
    if config.stage != "record":
        _train(config)


def _record(config: PretrainKeypointsConfig) -> None:
    counts = {"heldout": config.heldout_episodes_per_task, "train": config.episodes_per_task}
    for split, episodes in counts.items():
        with bar(config.quiet, f"recording, {split}") as show:
            record_keypoints(
                Path(config.data),
                split=split,
                tasks=config.tasks,
                episodes_per_task=episodes,
                seed=config.seed,
                workers=config.workers,
                on_progress=show,
            )


def _train(config: PretrainKeypointsConfig) -> None:
    out = Path(config.out)
    checkpoint = out / _CHECKPOINT
    if (out / CONFIG_FILE).exists() or (checkpoint.exists() and not config.resume):
        raise CheckpointError(
            f"`out` must be a directory without weights, got {out}, which has some; choose "
            "another `out`, or continue a run that was stopped with resume=true."
        )
    torch.set_num_threads(config.threads)
    with bar(config.quiet, "decoding") as show:
        samples = read_samples(Path(config.data), "train", config.tasks, on_progress=show)
    heldout = read_samples(Path(config.data), "heldout", config.tasks)
    trainer = KeypointTrainer(
        _network(config, samples),
        samples,
        KeypointTrainingSettings(
            steps=config.steps,
            pictures=config.pictures,
            sentences=config.sentences,
            learning_rate=config.learning_rate,
            seed=config.seed,
            device=resolve_device(config.device),
        ),
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
    network = trainer.network.cpu()
    save_network(network, out, name=config.name)
    checkpoint.unlink(missing_ok=True)
    _report(config, network, samples, heldout)


def _network(config: PretrainKeypointsConfig, samples: Samples) -> KeypointNetwork:
    height, width = samples.frames.shape[1:3]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return KeypointNetwork(
            KeypointConfig(
                vocabulary=Tokenizer.collect(samples.sentences),
                plans=tuple(_plan(way) for way in samples.ways),
                image_size=(height, width),
            )
        )


def _plan(task: str) -> Plan:
    """The way on which a task is done: the same in every scene."""
    env = TabletopEnv(task)
    env.reset(seed=0)
    return Plan(name=task, waypoints=env.affordances().plan)


def _report(
    config: PretrainKeypointsConfig, network: KeypointNetwork, samples: Samples, heldout: Samples
) -> None:
    """Compare the saved network with the truth; write figures and model card beside it."""
    out = Path(config.out)
    rows = {
        look: accuracies(
            network,
            heldout,
            choose_samples(heldout, look, per_task=config.heldout_samples, seed=config.seed),
        )
        for look in _LOOKS
    }
    figures = {look: [asdict(row) for row in found] for look, found in rows.items()}
    report = {"config": asdict(config), "accuracy": figures}
    (out / "accuracy.json").write_text(json.dumps(report, indent=1) + "\n")
    views, counts = np.unique(samples.views, return_counts=True)
    card = keypoint_card(
        config,
        rows,
        network=network,
        views=dict(zip(views.tolist(), counts.tolist(), strict=True)),
        samples=len(samples.named),
    )
    (out / "MODEL_CARD.md").write_text(card)
    for look, found in rows.items():
        _show(found, look)
    Console().print(f"Weights, accuracy.json and MODEL_CARD.md are in {out}.")


def _show(rows: Sequence[Accuracy], look: str) -> None:
    table = Table(title=f"Error on unseen scenes in pixels, {look} look")
    names = [name for name in asdict(rows[0]) if name not in ("task", "samples")]
    for name in ("task", *names):
        table.add_column(name)
    for row in rows:
        table.add_row(row.task, *(f"{asdict(row)[name]:.2f}" for name in names))
    Console().print(table)
