"""Shaped rewards of parallel episodes, without any environment framework."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reward_models import CentroidModel, SmoothedModel

from kibble.rewards import Frames, Shaper, ShapingMode, Task
from kibble.rewards.errors import FrameError, ShapingError
from kibble.rewards.signals import Signals

TASK = Task(instruction="move the dot to the right")
NO = np.zeros(2, np.bool_)


def dot(column: int) -> Frames:
    image = np.zeros((1, 8, 32, 3), np.uint8)
    image[:, :, column] = 255
    return {"front": image}


def opened(model: CentroidModel | None = None, *, gamma: float = 0.9, slots: int = 2) -> Shaper:
    shaper = Shaper(model or CentroidModel(), slots=slots, gamma=gamma)
    shaper.begin({slot: (TASK, dot(8 * slot)) for slot in range(slots)})
    return shaper


def test_rewards_need_neither_gymnasium_nor_torch_nor_an_agent_library():
    code = (
        "import sys, kibble.rewards, kibble.rewards.shaper\n"
        "heavy = {'gymnasium', 'torch', 'hydra', 'stable_baselines3', 'rclpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.integers(1, 4))
def test_any_pattern_of_queries_telescopes(seed, gamma, slots):
    """A held potential is a potential: the ends of the path alone are paid, slot by slot."""
    rng = np.random.default_rng(seed)
    shaper = opened(SmoothedModel(), gamma=gamma, slots=slots)
    phi_0, steps = shaper.potential.phi.copy(), 12
    discounted = np.zeros(slots)
    none = np.zeros(slots, np.bool_)
    for t in range(steps):
        due = np.flatnonzero(rng.random(slots) < 0.4)
        frames = {int(slot): dot(int(rng.integers(32))) for slot in due}
        step = shaper.step(np.zeros(slots), none, none, frames)
        discounted += gamma**t * step.shaping
    np.testing.assert_allclose(discounted, gamma**steps * step.phi - phi_0, atol=1e-9)


def test_slots_that_did_not_step_are_paid_nothing_and_keep_their_potential():
    shaper = opened()
    held = shaper.potential.phi[1]
    step = shaper.step(
        np.array([1.0, np.nan]), NO, NO, {0: dot(31)}, active=np.array([True, False])
    )
    assert step.task[1] == step.shaping[1] == step.total[1] == 0.0
    assert step.phi[1] == held
    assert step.total[0] == 1.0 + 0.9


def test_an_ended_episode_needs_its_last_frames():
    for flags in ((np.array([False, True]), NO), (NO, np.array([False, True]))):
        with pytest.raises(FrameError, match=r"got none from environments \[1\]"):
            opened().step(np.zeros(2), *flags, {0: dot(3)})


def test_termination_and_truncation_are_not_merged():
    last = {0: dot(16), 1: dot(16)}
    flags = np.array([True, False])
    step = opened().step(np.zeros(2), flags, ~flags, last)
    assert step.shaping[0] == 0.0 - 0.0
    assert step.shaping[1] == pytest.approx(0.9 * 16 / 31 - 8 / 31)


def test_a_restored_shaper_keeps_its_weights():
    first = opened()
    first.weight = 0.5
    first.step(np.zeros(2), NO, NO, {0: dot(20)})
    second = Shaper(CentroidModel(), slots=2, gamma=0.9)
    second.set_state(first.get_state())
    for shaper in (first, second):
        shaper.weight = 0.25
    frames = {0: dot(5), 1: dot(6)}
    expected = first.step(np.zeros(2), NO, NO, frames)
    got = second.step(np.zeros(2), NO, NO, frames)
    np.testing.assert_array_equal(got.total, expected.total)


@pytest.mark.parametrize("mode", list(ShapingMode))
def test_modes_may_be_named(mode):
    assert Shaper(CentroidModel(), slots=1, gamma=0.9, mode=mode.value).rule.mode is mode


def test_an_unknown_mode_is_refused():
    with pytest.raises(ShapingError, match="did you mean 'held_absolute'"):
        Shaper(CentroidModel(), slots=1, gamma=0.9, mode="held_absolut")


def test_an_array_of_weights_weighs_slot_by_slot_from_the_next_step_on():
    shaper = opened()
    phi = shaper.potential.phi.copy()
    shaper.weight = np.array([1.0, 0.25])
    step = shaper.step(np.zeros(2), NO, NO, {0: dot(20), 1: dot(20)})
    np.testing.assert_allclose(step.shaping, 0.9 * np.array([1.0, 0.25]) * step.phi - phi)
    held = shaper.step(np.zeros(2), NO, NO, {})
    np.testing.assert_allclose(held.shaping, (0.9 - 1.0) * np.array([1.0, 0.25]) * held.phi)


def test_a_weight_of_another_shape_is_refused():
    shaper = opened()
    shaper.weight = np.ones(3)
    with pytest.raises(ShapingError, match=r"one per slot, \(2,\), got shape \(3,\)"):
        shaper.step(np.zeros(2), NO, NO, {})


class WindowRule:
    """Pays the sum of the recent readings that there are, under a name of its own."""

    gamma = 0.9
    window = 3

    def __call__(self, signals: Signals) -> dict[str, np.ndarray]:
        return {"task": signals.task, "recent": np.nansum(signals.recent, axis=1)}


def test_a_rule_names_its_terms_and_they_sum_to_the_total():
    shaper = Shaper(CentroidModel(), slots=2, gamma=0.9, rule=WindowRule())
    shaper.begin({0: (TASK, dot(0)), 1: (TASK, dot(31))})
    step = shaper.step(np.ones(2), NO, NO, {0: dot(31), 1: dot(31)})
    assert step.info(1)["reward_terms"] == {"task": 1.0, "recent": 2.0}
    np.testing.assert_array_equal(step.total, [2.0, 3.0])


def test_recent_holds_each_reading_once_and_forgets_the_last_episode():
    shaper = Shaper(CentroidModel(), slots=1, gamma=0.9, rule=WindowRule())
    shaper.begin({0: (TASK, dot(31))})
    no = NO[:1]
    shaper.step(np.zeros(1), no, no, {})  # held: no new reading
    shaper.step(np.zeros(1), no, no, {0: dot(0)})
    step = shaper.step(np.zeros(1), no, no, {})
    np.testing.assert_array_equal(step.signals.recent, [[np.nan, 1.0, 0.0]])
    np.testing.assert_array_equal(step.signals.start_progress, [1.0])
    shaper.begin({0: (TASK, dot(0))})
    step = shaper.step(np.zeros(1), no, no, {0: dot(31)})
    np.testing.assert_array_equal(step.signals.recent, [[np.nan, 0.0, 1.0]])
    np.testing.assert_array_equal(step.signals.progress, [0.0])
    np.testing.assert_array_equal(step.signals.next_progress, [1.0])


def test_signals_carry_confidence_before_and_after():
    shaper = opened()
    first = shaper.step(np.zeros(2), NO, NO, {0: dot(3)}).signals
    np.testing.assert_array_equal(first.last_confidence, [np.nan, np.nan])
    np.testing.assert_array_equal(first.confidence, [1.0, np.nan])
    second = shaper.step(np.zeros(2), NO, NO, {}).signals
    np.testing.assert_array_equal(second.last_confidence, first.confidence)


def test_a_rule_for_another_gamma_or_beside_a_mode_is_refused():
    with pytest.raises(ShapingError, match=r"made for the agent's gamma, 0\.5, got .* 0\.9"):
        Shaper(CentroidModel(), slots=1, gamma=0.5, rule=WindowRule())
    with pytest.raises(ShapingError, match="`mode` must not be given beside `rule`"):
        Shaper(CentroidModel(), slots=1, gamma=0.9, mode="absolute", rule=WindowRule())
