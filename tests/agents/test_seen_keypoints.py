"""The shipped network's keypoint reward against what the simulator knows, on expert episodes."""

from __future__ import annotations

import functools

import gymnasium
import numpy as np
import pytest

import kibble.envs  # noqa: F401  (registers the tabletop suite)
from kibble.agents.oracle_keypoints import keypoint_frames, oracle_keypoint_reward
from kibble.envs.tabletop.experts import make_expert
from kibble.envs.tabletop.palette import PALETTE
from kibble.rewards.catalogue import open_model
from kibble.rewards.types import Task

VIEWS = ("front", "side")


@functools.cache
def keypoints():
    return open_model("keypoints")


def opened(name, seed):
    env = gymnasium.make(
        f"kibble/{name}-v0", render_mode="rgb_array", views=VIEWS, disable_env_checker=True
    )
    _, info = env.reset(seed=seed)
    return env, Task(instruction=info["instruction"])


@pytest.mark.parametrize("name", ["DrawerOpen", "PickPlace"])
def test_an_experts_episode_is_paid_as_the_simulator_would_pay_it(name):
    env, task = opened(name, seed=1)
    table, told, expert = env.unwrapped, oracle_keypoint_reward(), make_expert(env)

    def truth():
        return keypoint_frames(table.task.name, table.affordances())

    seen, known = keypoints().begin(task, table.frames()), told.begin(task, truth())
    rows = []
    for _ in range(80):
        *_, terminated, truncated, info = env.step(expert())
        read = keypoints().estimate([seen], table.frames())
        expected = told.estimate([known], truth())
        rows.append((read.progress[0], expected.progress[0], read.confidence[0]))
        if terminated or truncated:
            break
    env.close()
    progress, expected, confidence = np.array(rows).T
    assert info["is_success"]
    assert progress[-1] == pytest.approx(1.0, abs=0.01)
    assert np.abs(progress - expected).max() < 0.25
    assert np.corrcoef(progress, expected)[0, 1] > 0.98
    assert (confidence > 0.1).all()


def test_a_sentence_that_names_nothing_in_view_pays_nothing():
    env, _ = opened("Push", seed=3)
    table = env.unwrapped
    colour = next(name for name in PALETTE if name not in table.colours.values())
    asked = Task(instruction=f"push the {colour} cube onto the {colour} pad")
    episode = keypoints().begin(asked, table.frames())
    estimate = keypoints().estimate([episode], table.frames())
    env.close()
    assert (episode.progress, estimate.confidence[0]) == (0.0, 0.0)
