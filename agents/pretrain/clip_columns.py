"""A recorded clip as rows of a LeRobot dataset, and back.

Row t holds frame t and what led on from it. A clip of stride s skips states, so its action is the
s actions in between, one after another; the last row, from which nothing leads on, has zeros.

========================  ===================  ===================================================
feature                   of row t             what
========================  ===================  ===================================================
observation.state         (S,) float32         the simulator's observation
observation.images.<v>    (H, W, 3) uint8      frame of view v, lossless
action                    (4 s,) float32       leads to row t + 1
next.success              bool                 whether the instructed goal is met in row t + 1
next.done                 bool                 last row alone
next.truncated            bool                 likewise: a clip goes on after success
oracle.progress           float32 in [0, 1]    the simulator's judgement, for the instructed goal
oracle.success            bool                 likewise, at that instant
oracle.stage              int64                likewise
oracle.goals.progress     (G,) float32         the same for each goal that the scene allows
oracle.goals.success      (G,) bool            likewise
oracle.goals.stage        (G,) int8            likewise
========================  ===================  ===================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kibble.agents.demonstrations.lerobot.episode_data import column_values
from kibble.agents.demonstrations.lerobot.features import Feature, image_feature
from kibble.rewards.grm.clips import Clip

__all__ = ["ClipNote", "clip_columns", "clip_features", "clip_of_columns"]

_ACTION = ("dx", "dy", "dz", "closing")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipNote:
    """What a dataset's columns do not say of a clip.

    Args:
        task: Name of the task.
        kind: What happens in it.
        goal: The instructed goal.
        phrasings: The sentences that mean each goal.
    """

    task: str
    kind: str
    goal: int
    phrasings: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, clip: Clip) -> ClipNote:
        """Return the note on a clip."""
        return cls(task=clip.task, kind=clip.kind, goal=clip.goal, phrasings=clip.phrasings)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> ClipNote:
        """Return the note that ``dataclasses.asdict`` made a tree of."""
        return cls(
            task=str(tree["task"]),
            kind=str(tree["kind"]),
            goal=int(tree["goal"]),
            phrasings=tuple(tuple(map(str, each)) for each in tree["phrasings"]),
        )


def clip_features(clip: Clip) -> dict[str, Feature]:
    """Return the features of a dataset of clips such as this one."""
    width = _actions(clip).shape[1]
    goals = (clip.progress.shape[1],)
    flag = Feature(dtype="bool")
    return {
        "observation.state": Feature(dtype="float32", shape=clip.state.shape[1:]),
        **{
            f"observation.images.{view}": image_feature(*frames.shape[1:3])
            for view, frames in clip.frames.items()
        },
        "action": Feature(
            dtype="float32",
            shape=(width,),
            names=tuple(f"{_ACTION[i % 4]}_{i // 4}" for i in range(width)),
        ),
        "next.success": flag,
        "next.done": flag,
        "next.truncated": flag,
        "oracle.progress": Feature(dtype="float32"),
        "oracle.success": flag,
        "oracle.stage": Feature(dtype="int64"),
        "oracle.goals.progress": Feature(dtype="float32", shape=goals),
        "oracle.goals.success": Feature(dtype="bool", shape=goals),
        "oracle.goals.stage": Feature(dtype="int8", shape=goals),
    }


def clip_columns(clip: Clip) -> dict[str, NDArray[np.generic]]:
    """Return the values of :func:`clip_features`, one row per frame."""
    last = np.arange(len(clip)) == len(clip) - 1
    success = clip.success[:, clip.goal]
    return {
        "observation.state": clip.state,
        **{f"observation.images.{view}": frames for view, frames in clip.frames.items()},
        "action": _actions(clip),
        "next.success": np.append(success[1:], success[-1:]),
        "next.done": last,
        "next.truncated": last,
        "oracle.progress": clip.progress[:, clip.goal],
        "oracle.success": success,
        "oracle.stage": clip.stage[:, clip.goal].astype(np.int64),
        "oracle.goals.progress": clip.progress,
        "oracle.goals.success": clip.success,
        "oracle.goals.stage": clip.stage,
    }


def clip_of_columns(
    table: pa.Table, frames: Mapping[str, NDArray[np.uint8]], note: ClipNote
) -> Clip:
    """Return the clip of a dataset's rows.

    Args:
        table: The rows.
        frames: View name to (T, H, W, 3) uint8 RGB.
        note: What the rows do not say.
    """

    def matrix(name: str) -> NDArray[Any]:
        return column_values(table, name).reshape(len(table), -1)

    return Clip(
        task=note.task,
        frames=frames,
        progress=matrix("oracle.goals.progress").astype(np.float32),
        success=matrix("oracle.goals.success").astype(np.bool_),
        stage=matrix("oracle.goals.stage").astype(np.int8),
        state=matrix("observation.state").astype(np.float32),
        actions=matrix("action").astype(np.float32),
        phrasings=note.phrasings,
        goal=note.goal,
        kind=note.kind,
    )


def _actions(clip: Clip) -> NDArray[np.float32]:
    return np.zeros((len(clip), 4), np.float32) if clip.actions is None else clip.actions
