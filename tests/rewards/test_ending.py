"""Models that hold episodes elsewhere are told when these are over; versions come through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tests.reward_models import CentroidModel, TroubledModel

from kibble.rewards import Episode, Frames, Potential, Task
from kibble.rewards.causal import read_causally
from kibble.rewards.combination import CombinedModel

TASK = Task(instruction="move the dot to the right")


class HoldingModel(CentroidModel):
    """Counts what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.held = 0
        self.most = 0

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        self.held += 1
        self.most = max(self.most, self.held)
        episode = super().begin(task, start_frames)
        return replace(episode, memory={"number": len(self.begun)})

    def end(self, episodes: Sequence[Episode]) -> None:
        assert all(isinstance(episode.memory["number"], int) for episode in episodes)
        self.held -= len(episodes)


def dots(count: int) -> Frames:
    return {"front": np.zeros((count, 8, 32, 3), np.uint8)}


def test_slots_that_begin_again_end_the_episode_before():
    model = HoldingModel()
    potential = Potential(model, slots=3)
    for _ in range(4):
        potential.begin({slot: (TASK, dots(1)) for slot in range(3)})
    assert (model.held, model.most) == (3, 3)


def test_a_combination_ends_the_episodes_of_its_members():
    members = [HoldingModel(), CentroidModel(), HoldingModel()]
    potential = Potential(CombinedModel(members))
    for _ in range(5):
        potential.begin({0: (TASK, dots(1))})
        potential.update({0: dots(1)})
    assert (members[0].held, members[2].held) == (1, 1)


def test_episodes_of_videos_end_with_them():
    model = HoldingModel()
    read_causally(model, [(TASK, dots(3)) for _ in range(7)], batch=2)
    assert (model.held, model.most) == (0, 2)


def test_a_new_version_of_a_member_is_one_of_the_combination():
    member = TroubledModel(lambda call: None)
    model = CombinedModel([member, CentroidModel()])
    first = model.spec.version
    assert model.spec.version == first
    member.version = "2"
    assert model.spec.version != first
    member.version = "1"
    assert model.spec.version == first
