"""A recorded episode as columns of a LeRobot dataset, and back.

Row t holds state t and the step that leads from it to state t + 1. T steps between T + 1 states
make T + 1 rows; the last one, from which no step leads, has an action of zeros and pays nothing.

=======================  =================  ===================================================
feature                  of row t           what
=======================  =================  ===================================================
observation.state        (D,) float32       the observation
observation.images.<v>   (H, W, 3) uint8    frame of view v, PNG or video
action                   (A,) float32       leads to state t + 1
next.reward              float32            what the step pays
next.success             bool               whether the task is done in state t + 1
next.done                bool               last row alone
next.terminated          bool               last row, where the task ended the episode
next.truncated           bool               last row, where the time limit ended it
oracle.progress          float32 in [0, 1]  the simulator's own judgement of state t
oracle.stage             int64              likewise
oracle.success           bool               likewise
=======================  =================  ===================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.agents.demonstrations.lerobot.features import Feature, image_feature

__all__ = ["episode_columns", "episode_features"]


def episode_features(
    episode: RecordedEpisode,
    *,
    observation_names: Sequence[str] = (),
    video: bool = False,
    fps: float,
) -> dict[str, Feature]:
    """Return the features of a dataset of episodes such as this one.

    Args:
        episode: Any of them.
        observation_names: D names, or none.
        video: Whether frames become H.264; otherwise they are lossless pictures.
        fps: States per second.
    """
    flag = Feature(dtype="bool")
    features = {
        "observation.state": Feature(
            dtype="float32",
            shape=episode.observations.shape[1:],
            names=tuple(observation_names) or None,
        ),
        **{
            f"observation.images.{view}": image_feature(*frames.shape[1:3], video=video, fps=fps)
            for view, frames in episode.frames.items()
        },
        "action": Feature(dtype="float32", shape=episode.actions.shape[1:]),
        "next.reward": Feature(dtype="float32"),
        "next.success": flag,
        "next.done": flag,
        "next.terminated": flag,
        "next.truncated": flag,
    }
    if episode.labels is not None:
        features |= {
            "oracle.progress": Feature(dtype="float32"),
            "oracle.stage": Feature(dtype="int64"),
            "oracle.success": flag,
        }
    return features


def episode_columns(episode: RecordedEpisode) -> dict[str, NDArray[np.generic]]:
    """Return the values of :func:`episode_features`, T + 1 rows each."""
    last = np.arange(len(episode) + 1) == len(episode)
    if episode.labels is None:
        succeeded = last & episode.success
    else:
        succeeded = np.append(episode.labels.success[1:], episode.labels.success[-1:])
    columns: dict[str, NDArray[np.generic]] = {
        "observation.state": episode.observations,
        **{f"observation.images.{view}": frames for view, frames in episode.frames.items()},
        "action": np.concatenate([episode.actions, np.zeros_like(episode.actions[:1])]),
        "next.reward": np.append(episode.rewards, np.float32(0.0)),
        "next.success": succeeded,
        "next.done": last,
        "next.terminated": last & episode.terminated,
        "next.truncated": last & episode.truncated,
    }
    if episode.labels is not None:
        columns |= {
            "oracle.progress": episode.labels.progress,
            "oracle.stage": episode.labels.stage,
            "oracle.success": episode.labels.success,
        }
    return columns
