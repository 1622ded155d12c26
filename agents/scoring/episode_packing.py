"""Stored episodes as few large arrays, for checkpoints."""

from __future__ import annotations

from typing import cast

import numpy as np

from kibble.agents.scoring.stored_episode import StoredEpisode, StoredStep
from kibble.rewards.types import Frames, Task

__all__ = ["pack_episodes", "unpack_episodes"]


def pack_episodes(episodes: list[StoredEpisode]) -> dict[str, object]:
    """Return episodes as few large arrays, for a checkpoint."""
    blobs: list[bytes] = []

    def place(packed: dict[str, bytes] | None) -> object:
        if packed is None:
            return None
        begin = len(blobs)
        blobs.extend(packed.values())
        return [begin, list(packed)]

    described = [
        {
            "slot": episode.slot,
            "ended": episode.ended,
            "weight": episode.weight,
            "instruction": episode.task.instruction,
            "goal_frames": episode.task.goal_frames,
            "start_frames": episode.task.start_frames,
            "demonstration": episode.task.demonstration,
            "start": place(episode.start),
            "frames": [place(step.frames) for step in episode.steps],
            "numbers": np.array(episode.numbers(), np.int64),
            "values": np.array(
                [(step.reward, step.penalty, step.weight) for step in episode.steps], np.float64
            ).reshape(-1, 3),
            "flags": np.array(
                [(step.terminated, step.truncated, step.infraction) for step in episode.steps],
                np.bool_,
            ).reshape(-1, 3),
        }
        for episode in episodes
    ]
    return {
        "episodes": described,
        "lengths": np.array([len(blob) for blob in blobs], np.int64),
        "content": np.frombuffer(b"".join(blobs), np.uint8).copy(),
    }


def unpack_episodes(state: dict[str, object]) -> list[StoredEpisode]:
    """Return what :func:`pack_episodes` was given; running episodes can go on."""
    content = np.asarray(state["content"], np.uint8).tobytes()
    ends = np.cumsum(np.asarray(state["lengths"], np.int64)).tolist()
    begins = [0, *ends[:-1]]

    def found(where: object) -> dict[str, bytes] | None:
        if where is None:
            return None
        first, views = cast("tuple[int, list[str]]", where)
        return {view: content[begins[first + i] : ends[first + i]] for i, view in enumerate(views)}

    episodes = []
    for told in cast("list[dict[str, object]]", state["episodes"]):
        flags = np.asarray(told["flags"], np.bool_).tolist()
        values = np.asarray(told["values"], np.float64).tolist()
        numbers = np.asarray(told["numbers"], np.int64).tolist()
        start = found(told["start"])
        assert start is not None
        episode = StoredEpisode(
            slot=cast("int", told["slot"]),
            task=Task(
                instruction=cast("str", told["instruction"]),
                goal_frames=cast("Frames | None", told["goal_frames"]),
                start_frames=cast("Frames | None", told["start_frames"]),
                demonstration=cast("Frames | None", told["demonstration"]),
            ),
            start=start,
            weight=cast("float", told["weight"]),
            ended=cast("bool", told["ended"]),
            steps=[
                StoredStep(
                    number=number,
                    reward=value[0],
                    penalty=value[1],
                    weight=value[2],
                    terminated=flag[0],
                    truncated=flag[1],
                    infraction=flag[2],
                    frames=found(where),
                )
                for number, value, flag, where in zip(
                    numbers, values, flags, cast("list[object]", told["frames"]), strict=True
                )
            ],
        )
        if not episode.ended:
            episode.follow()
        episodes.append(episode)
    return episodes
