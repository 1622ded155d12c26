"""Whole expert episodes with what the simulator knows of their keypoints: to judge trackers by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop import TabletopEnv, make_expert
from kibble.envs.tabletop.affordances import in_sight
from kibble.envs.tabletop.appearance import Appearance
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.types import Frames

__all__ = ["VIEWS", "TrueEpisode", "expert_episodes"]

VIEWS = ("front", "side")
_LONGEST = 100  # steps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrueEpisode:
    """One episode; T frames, V views, R roles.

    Args:
        task: Name of the task.
        seed: Of the episode.
        instruction: The sentence.
        frames: (T, H, W, 3) uint8 per view, those of depth among them.
        pixels: (T, V, R, 2) float64, NaN of roles that the task lacks.
        inside: (T, V, R) bool, whether the point lies within the picture.
        visible: (T, V, R) bool, whether it is inside and nothing hides it, the hand included.
    """

    task: str
    seed: int
    instruction: str
    frames: Frames
    pixels: NDArray[np.float64]
    inside: NDArray[np.bool_]
    visible: NDArray[np.bool_]


def expert_episodes(task: str, seeds: Sequence[int], *, heldout: bool) -> Iterator[TrueEpisode]:
    """Play one noisy expert's episode for each seed, in held-out looks or in the plain scene."""
    env = TabletopEnv(
        task,
        views=(*VIEWS, *map(depth_view, VIEWS)),
        appearance=Appearance.heldout() if heldout else None,
    )
    for seed in seeds:
        env.reset(seed=seed)
        act = make_expert(env, rng=np.random.default_rng(seed))
        frames, pixels, visible = [], [], []
        over = False
        while not over:
            frames.append(env.frames())
            place = env.affordances()
            cameras = [env.camera(view) for view in VIEWS]
            pixels.append([camera.project(place.positions) for camera in cameras])
            visible.append(
                [
                    in_sight(camera, unpack_depth(frames[-1][depth_view(view)][0]), place)
                    for view, camera in zip(VIEWS, cameras, strict=True)
                ]
            )
            _, _, terminated, _, _ = env.step(act())
            over = terminated or len(frames) >= _LONGEST
        height, width = env.image_size
        at = np.array(pixels)
        yield TrueEpisode(
            task=task,
            seed=seed,
            instruction=env.instruction,
            frames=concatenate_frames(frames),
            pixels=at,
            inside=((at >= 0) & (at < (width, height))).all(axis=-1),
            visible=np.array(visible),
        )
    env.close()
