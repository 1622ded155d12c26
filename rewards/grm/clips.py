"""Recorded episodes with the progress of every goal that the scene allows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import WeightsError

__all__ = ["BEHAVIOURS", "Clip", "read_clips", "write_clips"]

BEHAVIOURS = (
    "success",
    "partial",
    "regress",
    "near_miss",
    "wrong_object",
    "stall",
    "random",
    "mixed",
)
"""What can happen in a clip; ``mixed`` is anything."""

_PART = ".part"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """One recorded episode of T frames in a scene that allows G goals.

    Args:
        task: Name of the task that it was recorded in.
        frames: View name to (T, H, W, 3) uint8 RGB; may be memory-mapped.
        progress: (T, G) float32 in [0, 1], towards each goal.
        success: (T, G) bool, whether each goal is met at that instant.
        stage: (T, G) int8, index of the stage under way towards each goal, from 0.
        state: (T, S) float32 observation of the simulator, S = 0 where there is none; used as an
            auxiliary target in training and never by the trained model.
        phrasings: The sentences that mean each goal, G times.
        goal: The goal that the episode's own instruction names.
        kind: What happens in it, one of ``BEHAVIOURS``.
        actions: (T, A) float32, what led on from each frame, or ``None`` where it is not known.

    Raises:
        ValueError: If the parts disagree with each other or the kind is not known.
    """

    task: str
    frames: Mapping[str, NDArray[np.uint8]]
    progress: NDArray[np.float32]
    success: NDArray[np.bool_]
    stage: NDArray[np.int8]
    state: NDArray[np.float32]
    phrasings: tuple[tuple[str, ...], ...]
    goal: int = 0
    kind: str = "mixed"
    actions: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.progress)

    def __post_init__(self) -> None:
        steps, goals = self.progress.shape
        counts = {view: len(array) for view, array in self.frames.items()}
        if set(counts.values()) != {steps} or len(self.state) != steps:
            raise ValueError(
                f"A clip needs {steps} frames and states like `progress`, "
                f"got frames {counts} and {len(self.state)} states."
            )
        if self.success.shape != (steps, goals) or len(self.phrasings) != goals:
            raise ValueError(
                f"A clip needs success of shape {(steps, goals)} and {goals} sets of phrasings, "
                f"got {self.success.shape} and {len(self.phrasings)}."
            )
        if self.stage.shape != (steps, goals) or self.stage.dtype != np.int8:
            raise ValueError(
                f"A clip needs `stage` of shape {(steps, goals)} and type int8, "
                f"got {self.stage.shape} and {self.stage.dtype}."
            )
        if self.actions is not None and len(self.actions) != steps:
            raise ValueError(
                f"A clip needs {steps} rows of `actions`, got {len(self.actions)}; give the last "
                "frame zeros."
            )
        if self.kind not in BEHAVIOURS:
            raise ValueError(f"`kind` must be one of {', '.join(BEHAVIOURS)}, got {self.kind!r}.")


def write_clips(directory: Path, clips: Sequence[Clip]) -> None:
    """Write clips as one shard: an array per view, ``labels.npz`` and ``clips.json``.

    The shard appears under its name only when it is whole.

    Args:
        directory: The shard's own directory; replaced if there is one.
        clips: Clips of one task, all with the same views, frame size and state size.
    """
    part = directory.with_name(directory.name + _PART)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for view in clips[0].frames:
        np.save(part / f"{view}.npy", np.concatenate([clip.frames[view] for clip in clips]))
    labels: dict[str, Any] = {}
    for i, clip in enumerate(clips):
        labels[f"progress_{i}"], labels[f"success_{i}"] = clip.progress, clip.success
        labels[f"stage_{i}"], labels[f"state_{i}"] = clip.stage, clip.state
        if clip.actions is not None:
            labels[f"actions_{i}"] = clip.actions
    with (part / "labels.npz").open("wb") as file:
        np.savez(file, **labels)
    document = {
        "task": clips[0].task,
        "views": list(clips[0].frames),
        "clips": [
            {"phrasings": clip.phrasings, "goal": clip.goal, "kind": clip.kind} for clip in clips
        ],
    }
    (part / "clips.json").write_text(json.dumps(document))
    shutil.rmtree(directory, ignore_errors=True)
    part.rename(directory)


def read_clips(directory: Path) -> list[Clip]:
    """Read every shard below a directory, in the order of their names; frames stay on disk.

    Args:
        directory: Directory of shards.

    Returns:
        The clips.

    Raises:
        WeightsError: If there is no shard.
    """
    clips: list[Clip] = []
    for marker in sorted(directory.glob("*/clips.json")):
        if marker.parent.name.endswith(_PART):  # of a run that was stopped
            continue
        document = json.loads(marker.read_text())
        labels = np.load(marker.parent / "labels.npz")
        arrays = {
            view: np.load(marker.parent / f"{view}.npy", mmap_mode="r")
            for view in document["views"]
        }
        begin = 0
        for i, entry in enumerate(document["clips"]):
            progress = labels[f"progress_{i}"]
            end = begin + len(progress)
            clips.append(
                Clip(
                    task=document["task"],
                    frames={view: array[begin:end] for view, array in arrays.items()},
                    progress=progress,
                    success=labels[f"success_{i}"],
                    stage=labels[f"stage_{i}"],
                    state=labels[f"state_{i}"],
                    phrasings=tuple(map(tuple, entry["phrasings"])),
                    goal=entry["goal"],
                    kind=entry["kind"],
                    actions=labels.get(f"actions_{i}"),
                )
            )
            begin = end
    if not clips:
        raise WeightsError(
            f"Training needs recorded clips, got no shard in {directory}; "
            "record some with `kibble pretrain`."
        )
    return clips
