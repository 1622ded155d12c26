"""Held-out clips that the data engine recorded, as trials.

Folder ``<data>/<appearance>/<task>/<kind>`` is a shard, as
:func:`kibble.agents.pretrain.heldout_recording.record_heldout` writes it. Such clips bring no goal
frames, and a clip's own end must not stand in for them: it would be there for clips that reach
their goals alone, and would give their last frames away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kibble.agents.benchmark.simulated import clip_trial
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.errors import ConfigError
from kibble.rewards.grm.clips import read_clips

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
            trials.append(clip_trial(name, clip, kind=clip.kind, goals={}, views=views))
    return trials
