"""Open episodes as plain data, so that a stopped run can go on with them."""

from __future__ import annotations

import copy
from typing import TypedDict

from kibble.rewards.types import Episode, Frames, Task

__all__ = ["EpisodeState", "episode_state", "restored_episode"]


class EpisodeState(TypedDict):
    """One open episode."""

    instruction: str
    goal_frames: Frames | None
    start_frames: Frames | None
    demonstration: Frames | None
    progress: float
    steps: int
    memory: dict[str, object]


def episode_state(episode: Episode) -> EpisodeState:
    """Return a copy of all that an episode remembers."""
    task = episode.task
    return {
        "instruction": task.instruction,
        "goal_frames": task.goal_frames,
        "start_frames": task.start_frames,
        "demonstration": task.demonstration,
        "progress": episode.progress,
        "steps": episode.steps,
        "memory": copy.deepcopy(episode.memory),  # a model may write to its tensors in place
    }


def restored_episode(state: EpisodeState) -> Episode:
    """Open an episode again from a state of :func:`episode_state`."""
    task = Task(
        instruction=state["instruction"],
        goal_frames=state["goal_frames"],
        start_frames=state["start_frames"],
        demonstration=state["demonstration"],
    )
    return Episode(
        task=task,
        progress=state["progress"],
        steps=state["steps"],
        memory=copy.deepcopy(state["memory"]),
    )
