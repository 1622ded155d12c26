"""The weights that ship with the package, on scenes that training never saw."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

import kibble.rewards.grm
from kibble.envs.tabletop import make_expert
from kibble.rewards import Task
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.loading import load

WEIGHTS = Path(kibble.rewards.grm.__file__).parent / "weights" / "grm_tiny"
TASKS = ("Reach", "Push", "PickPlace", "DrawerOpen", "PegInsert", "Stack")


@pytest.fixture(scope="module")
def model():
    return load("grm_tiny", device=torch.device("cpu"))


def expert_frames(task, seed):
    """Frames of an expert's episode up to success, and one sentence for each goal."""
    env = gym.make(f"kibble/{task}-v0")
    env.reset(seed=seed)
    table = env.unwrapped
    expert, frames, ended = make_expert(env), [table.frames()], False
    while not ended:
        _, _, terminated, truncated, _ = env.step(expert())
        frames.append(table.frames())
        ended = terminated or truncated
    assert terminated
    others = [table.phrasings(goal)[0] for goal in table.goals if goal != table.goal]
    instruction = table.instruction
    env.close()
    return frames, instruction, others


def progress(model, frames, instruction):
    episode = model.begin(Task(instruction=instruction), frames[0])
    return np.array(
        [episode.progress, *(float(model.estimate([episode], f).progress[0]) for f in frames[1:])]
    )


def test_weights_are_small_and_have_a_card():
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 8 * 1024**2
    assert "kibble pretrain" in (WEIGHTS / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize("task", TASKS)
def test_progress_rises_for_the_instruction_and_for_it_alone(model, task):
    risen, told_apart = [], []
    for seed in range(70_000, 70_003):
        frames, instruction, others = expert_frames(task, seed)
        asked = progress(model, frames, instruction)
        risen.append(asked[-1] - asked[0])
        told_apart += [asked[-1] - progress(model, frames, other)[-1] for other in others]
    assert np.mean(risen) > 0.4
    assert np.mean(told_apart) > 0.2


def test_success_is_seen_where_it_is(model):
    frames, instruction, _ = expert_frames("Reach", 70_000)
    episodes = [model.begin(Task(instruction=instruction), frames[0]) for _ in range(2)]
    estimate = model.estimate(episodes, concatenate_frames([frames[0], frames[-1]]))
    assert estimate.success[0] < 0.5 < estimate.success[1]


def test_another_phrasing_reads_alike(model):
    frames, _, _ = expert_frames("Reach", 70_001)
    env = gym.make("kibble/Reach-v0")
    env.reset(seed=70_001)
    sentences = env.unwrapped.phrasings(env.unwrapped.goal)
    env.close()
    curves = [progress(model, frames, sentence) for sentence in sentences[:3]]
    assert np.abs(np.diff(curves, axis=0)).mean() < 0.1
