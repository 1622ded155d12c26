"""Clips that models are judged by: scenes, sentences and, if asked for, looks not trained on."""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from kibble.agents.pretrain.clip_dataset import ClipDataset
from kibble.agents.pretrain.recording import clip_dataset, make_env, record_clip
from kibble.envs.tabletop import Appearance
from kibble.rewards.errors import ConfigError
from kibble.rewards.grm.clips import BEHAVIOURS, Clip

__all__ = ["APPEARANCES", "heldout_clips", "record_heldout"]

APPEARANCES = ("default", "heldout")
_SEED = 987_654


def heldout_clips(
    task: str,
    *,
    per_kind: Mapping[str, int],
    appearance: str = "default",
    steps: int = 60,
    stride: int = 1,
    seed: int = _SEED,
) -> list[Clip]:
    """Record clips of scenes that training never draws, with all phrasings of every goal.

    What happens depends on the task, the kind, the steps and the seed alone: the same clips in
    another appearance differ in their pictures only.

    Args:
        task: Name of the task.
        per_kind: Kind of behaviour to number of clips.
        appearance: ``"default"`` for the plain scene, ``"training"`` for the looks of training,
            ``"heldout"`` for camera poses, colour shades, light, textures and distractors that
            training never draws.
        steps: Control steps of each clip.
        stride: Control steps from one recorded frame to the next.
        seed: Seed of scenes and behaviours.

    Returns:
        The clips, kind by kind.

    Raises:
        ConfigError: If a kind or the appearance is not known.
    """
    unknown = [kind for kind in per_kind if kind not in BEHAVIOURS]
    if unknown:
        raise ConfigError(
            f"`per_kind` must name some of {', '.join(BEHAVIOURS)}, got {unknown[0]!r}."
        )
    looks = {
        "default": None,
        "training": Appearance.training(),
        "heldout": Appearance.heldout(),
    }
    if appearance not in looks:
        raise ConfigError(f"`appearance` must be one of {', '.join(looks)}, got {appearance!r}.")
    env = make_env(task, looks[appearance])
    clips: list[Clip] = []
    for kind, count in per_kind.items():
        words = np.frombuffer(f"{task} {kind}".encode(), np.uint8).tolist()
        rng = np.random.default_rng(np.random.SeedSequence([seed, *words]))
        clips += [
            record_clip(
                env, task=task, rng=rng, steps=steps, stride=stride, kind=kind, heldout=True
            )
            for _ in range(count)
        ]
    env.close()
    return clips


def record_heldout(
    directory: Path,
    *,
    tasks: Sequence[str],
    per_kind: Mapping[str, int],
    steps: int = 60,
    stride: int = 1,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Record held-out clips as LeRobot datasets, ``<directory>/<appearance>/<task>``.

    Each kind is a shard of its own; those that are there already are kept.

    Args:
        directory: Where to.
        tasks: Task names.
        per_kind: Kind of behaviour to number of clips of each task and appearance.
        steps: Control steps of each clip.
        stride: Control steps from one recorded frame to the next.
        workers: Processes that record.
        on_progress: Called with the number of shards recorded and wanted.

    Raises:
        CheckpointError: If the directory holds clips of other numbers, length or stride.
    """
    datasets = {}
    for appearance, task in itertools.product(APPEARANCES, tasks):
        folder = directory / appearance / task
        dataset = clip_dataset(folder, task, seed=_SEED, steps=steps, stride=stride)
        datasets[appearance, task] = dataclasses.replace(
            dataset, origin={**dataset.origin, **per_kind}
        )
    before = dict(zip(per_kind, np.cumsum([0, *per_kind.values()]).tolist(), strict=False))
    jobs = [
        (dataset, appearance, task, shard, kind, count, before[kind])
        for (appearance, task), dataset in datasets.items()
        for shard, (kind, count) in enumerate(per_kind.items())
    ]
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        futures = [pool.submit(_record_shard, *job) for job in jobs]
        for finished, future in enumerate(as_completed(futures), start=1):
            future.result()
            if on_progress is not None:
                on_progress(finished, len(jobs))
    for dataset in datasets.values():
        dataset.finish()


def _record_shard(
    dataset: ClipDataset,
    appearance: str,
    task: str,
    shard: int,
    kind: str,
    count: int,
    first_episode: int,
) -> None:
    if dataset.has(shard, clips=count):
        return
    clips = heldout_clips(
        task,
        per_kind={kind: count},
        appearance=appearance,
        steps=dataset.origin["steps"],
        stride=dataset.origin["stride"],
    )
    dataset.write(shard, clips, first_episode=first_episode)
