"""Recorded keypoints in one piece, to draw from at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.keypoint_training.shards import Shard, shard_files

__all__ = ["Samples", "read_samples"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """All shards of a split; F frames, S samples, R roles, L sentences.

    Args:
        frames: (F, H, W, 3) uint8 RGB.
        views: (F,) str.
        looks: (F,) str.
        scenes: (F,) int64, number of the task in ``tasks``.
        episodes: (F,) int64, different for frames of different episodes.
        tasks: Names of the tasks whose scenes these are.
        ways: Names of the tasks that are asked for: ``tasks``, then any others.
        first: (F + 1,) int64: frame f has the samples ``first[f]`` to ``first[f + 1]``.
        named: (S,) bool, whether the scene has what the sentences name.
        plans: (S,) int64, number of the plan that the sentences mean, in ``ways``.
        phrasings: (S, P) int64 in [0, L), sentences that mean the same.
        sentences: L sentences.
        pixels: (S, R, 2) float32 (u, v), NaN where absent.
        visibility: (S, R) uint8 of :mod:`kibble.agents.keypoint_training.shards`.
    """

    frames: NDArray[np.uint8]
    views: NDArray[np.str_]
    looks: NDArray[np.str_]
    scenes: NDArray[np.int64]
    episodes: NDArray[np.int64]
    tasks: tuple[str, ...]
    ways: tuple[str, ...]
    first: NDArray[np.int64]
    named: NDArray[np.bool_]
    plans: NDArray[np.int64]
    phrasings: NDArray[np.int64]
    sentences: tuple[str, ...]
    pixels: NDArray[np.float32]
    visibility: NDArray[np.uint8]

    @classmethod
    def gather(cls, shards: Sequence[Shard], tasks: Sequence[str]) -> Samples:
        """Join shards whose scenes are all among ``tasks``."""
        asked = {str(name) for shard in shards for name in shard.plans}
        ways = (*tasks, *sorted(asked - set(tasks)))
        names = {way: number for number, way in enumerate(ways)}
        known: dict[str, int] = {}
        phrasings, sample_frames, episodes = [], [], []
        frames_before = episodes_before = 0
        for shard in shards:
            number = np.array(
                [known.setdefault(str(text), len(known)) for text in shard.sentences]
            )
            phrasings.append(number[shard.phrasings])
            sample_frames.append(shard.sample_frames.astype(np.int64) + frames_before)
            episodes.append(shard.episodes.astype(np.int64) + episodes_before)
            frames_before += len(shard.frames)
            episodes_before += int(shard.episodes.max(initial=-1)) + 1
        rows = np.concatenate(sample_frames)
        return cls(
            frames=np.concatenate([shard.frames for shard in shards]),
            views=np.concatenate([shard.views for shard in shards]),
            looks=np.concatenate([shard.looks for shard in shards]),
            scenes=np.array([names[str(name)] for shard in shards for name in shard.scenes]),
            episodes=np.concatenate(episodes),
            tasks=tuple(tasks),
            ways=ways,
            first=np.searchsorted(rows, np.arange(frames_before + 1)),
            named=np.concatenate([shard.named for shard in shards]),
            plans=np.array([names[str(name)] for shard in shards for name in shard.plans]),
            phrasings=np.concatenate(phrasings),
            sentences=tuple(known),
            pixels=np.concatenate([shard.pixels for shard in shards]),
            visibility=np.concatenate([shard.visibility for shard in shards]),
        )


def read_samples(
    folder: Path,
    split: str,
    tasks: Sequence[str],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Samples:
    """Read every archive of a split.

    Args:
        folder: Where the recording is.
        split: One of ``SPLITS``.
        tasks: Names of the tasks.
        on_progress: Called with archives read and all of them.

    Raises:
        CheckpointError: If there are none, or one is damaged.
    """
    files = shard_files(folder, split, tasks)
    shards = []
    for number, file in enumerate(files):
        shards.append(Shard.read(file))
        if on_progress is not None:
            on_progress(number + 1, len(files))
    return Samples.gather(shards, tasks)
