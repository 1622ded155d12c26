"""What a human did instead of the agent: kept as it was done, labelled, drawn often."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from kibble.agents.acting.executed import executed_actions, interventions_of
from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.sparse_reward import SparseSignals
from kibble.rewards.errors import ConfigError
from kibble.rewards.rule import ShapingRule
from kibble.rewards.shaping import ShapingMode

SPACE = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))
SEEN = spaces.Box(-1.0, 1.0, (1,), np.float32)
NO = np.array([False])


def test_what_was_done_is_scaled_as_the_agent_would_have_had_to_choose_it():
    chosen = np.array([[0.5, 0.5], [0.25, 0.25]], np.float32)
    infos = [{}, {"action": np.array([1.0, 1.0])}]
    executed = executed_actions(infos, chosen, SPACE)
    np.testing.assert_allclose(executed, [[0.5, 0.5], [0.5, 1.0]])
    assert executed.dtype == np.float32
    np.testing.assert_array_equal(chosen[1], [0.25, 0.25])


def test_nothing_is_changed_where_the_environment_says_nothing():
    chosen = np.array([[0.5, 0.5]], np.float32)
    assert executed_actions([{}], chosen, SPACE) is chosen


def test_an_action_of_another_shape_is_refused():
    with pytest.raises(ConfigError, match=r"shape \(2,\).*got \(3,\)"):
        executed_actions([{"action": np.zeros(3)}], np.zeros((1, 2), np.float32), SPACE)


def test_only_a_true_label_is_an_intervention():
    told = [{}, {"intervention": False}, {"intervention": True}]
    assert interventions_of(told).tolist() == [False, False, True]


class Run:
    """A buffer that follows a sparse reward; transition t has observation t / 100."""

    def __init__(self, size: int = 50) -> None:
        rule = ShapingRule(gamma=0.9, mode=ShapingMode.NONE)
        self.signals = SparseSignals(rule, slots=1)
        self.buffer = PotentialReplayBuffer(size, SEEN, SPACE)
        self.buffer.follow(self.signals)
        self.count = 0

    def step(self, *, human: bool) -> None:
        seen = np.array([[self.count / 100]], np.float32)
        reward = np.array([float(human)], np.float32)
        self.signals.step(reward, NO, NO)
        self.signals.paid = reward.astype(np.float64)
        info = {"action": np.array([2.0, 1.0]), "intervention": True} if human else {}
        self.buffer.add(seen, seen, np.zeros((1, 2), np.float32), reward, NO, [info])
        self.count += 1


def run(steps: int, *, every: int, size: int = 50) -> Run:
    made = Run(size)
    made.buffer.draw_interventions(0.5)
    for number in range(steps):
        made.step(human=number % every == every - 1)
    return made


def test_half_of_a_batch_is_of_a_human_who_acted_in_a_tenth_of_the_steps():
    batch = run(50, every=10).buffer.sample(2_000)
    human = (batch.actions == 1.0).all(dim=1).float()
    assert 0.5 < float(human.mean()) < 0.6  # half, and a tenth of the other half
    np.testing.assert_array_equal(batch.rewards[:, 0], human)  # each with its own reward
    assert len(np.unique(batch.observations[1_000:])) == 5


def test_where_nobody_intervened_batches_are_the_agents_own():
    made = run(30, every=1_000)
    assert made.buffer.sample(40).actions.abs().sum() == 0


def test_labels_go_with_the_transitions_that_are_overwritten():
    made = run(50, every=10)
    for _ in range(50):
        made.step(human=False)
    assert not made.buffer.interventions.any()
    assert made.buffer.sample(100).actions.abs().sum() == 0


def test_steps_that_are_not_scored_yet_are_not_drawn():
    made = run(20, every=10)
    made.signals.exact = False
    made.signals.newest += 1  # a step that nobody has scored
    made.buffer.kept.add(made.buffer.pos, np.zeros(1))
    made.buffer.interventions[made.buffer.pos] = True
    made.buffer.pos += 1
    assert made.buffer._drawn_interventions()[0].tolist() == [9, 19]


def test_labels_are_restored():
    made = run(20, every=10)
    other = Run()
    other.buffer.draw_interventions(0.5)
    other.buffer.restore_interventions(made.buffer.interventions[:20])
    np.testing.assert_array_equal(other.buffer.interventions, made.buffer.interventions)
