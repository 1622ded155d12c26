"""First frames of the tabletop tasks, and where their keypoints are."""

from __future__ import annotations

import functools

import numpy as np

from kibble.envs.tabletop.env import TabletopEnv

TASKS = ("reach", "push", "pick_place", "stack", "peg_insert", "drawer_open", "drawer_close")
VIEWS = ("front", "side")


@functools.cache
def opened(task):
    return TabletopEnv(task, views=VIEWS)


@functools.cache
def start(task, seed):
    """Frames, (1, 96, 96, 3) per view, the sentence, and the true pixels (R, 2) per view."""
    env = opened(task)
    env.reset(seed=seed)
    frames = {view: np.array(images) for view, images in env.frames().items()}
    positions = env.affordances().positions
    pixels = {view: env.camera(view).project(positions) for view in VIEWS}
    return frames, env.instruction, pixels
