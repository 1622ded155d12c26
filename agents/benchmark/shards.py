"""Held-out clips that the data engine recorded, as trials.

Folder ``<data>/<appearance>/<task>/<kind>`` is a shard, as
:func:`kibble.agents.pretrain.heldout_recording.record_heldout` writes it. Such clips bring no goal
frames; those of a clip are its own last frames in which a goal is met, so that models which need
goal frames are measured on clips that reach their goals alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kibble.agents.benchmark.simulated import clip_trial
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.errors import ConfigError
from kibble.rewards.grm.clips import Clip, read_clips
from kibble.rewards.types import Frames

__all__ = ["are_shards", "shard_trials"]


def are_shards(folder: Path) -> bool:
    """Whether a folder holds clips that the data engine recorded."""
    return any(folder.glob("*/*/*/clips.json")) and not any(folder.glob("*-seed*"))


def shard_trials(
    folder: Path,
    *,
    tasks: Sequence[str],
    appearance: str,
    episodes: int | None = None,
    views: Sequence[str] | None = None,
) -> list[Trial]:
    """Read clips as trials; frames stay on disk until they are asked for.

    Args:
        folder: As in the module.
        tasks: Task names.
        appearance: ``"default"`` or ``"heldout"``.
        episodes: Most clips of each kind and task, or ``None`` for all.
        views: Views to keep, or ``None`` for all.

    Raises:
        ConfigError: If a task was not recorded in this appearance.
    """
    trials: list[Trial] = []
    for task in tasks:
        place = folder / appearance / task
        if not any(place.glob("*/clips.json")):
            known = sorted(
                path.name for path in (folder / appearance).glob("*") if any(path.glob("*/*.json"))
            )
            raise ConfigError(
                f"`tasks` must be recorded in '{folder / appearance}', got {task!r}; there are "
                f"{', '.join(known) or 'none'}."
            )
        counts: dict[str, int] = {}
        for clip in read_clips(place):
            number = counts.get(clip.kind, 0)
            if episodes is not None and number >= episodes:
                continue
            counts[clip.kind] = number + 1
            name = f"{task}-{clip.kind}-{number}"
            trials.append(clip_trial(name, clip, kind=clip.kind, goals=_goals(clip), views=views))
    return trials


def _goals(clip: Clip) -> dict[int, Frames]:
    """For each goal that is met somewhere, the last frame in which it is."""
    goals: dict[int, Frames] = {}
    for goal in range(len(clip.phrasings)):
        met = np.flatnonzero(clip.success[:, goal])
        if len(met):
            at = slice(int(met[-1]), int(met[-1]) + 1)
            goals[goal] = {view: array[at] for view, array in clip.frames.items()}
    return goals
