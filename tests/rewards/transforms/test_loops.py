"""An agent that loops for reward profits under the naive reward and not under a transform."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.transforms.loops import (
    GAMMA,
    HIGH,
    LOW,
    START,
    auxiliary,
    discounted,
    finishing,
    gain,
    looping,
    walk,
)

from kibble.rewards import ShapingMode
from kibble.rewards.rule import ShapingRule
from kibble.rewards.transforms import (
    Clip,
    ComposedRule,
    ConfidentPotential,
    ConfidentTerms,
    Delta,
    Gate,
    Gold,
    Lexicographic,
    Log,
    PotentialShaping,
    Preference,
    SoftPenalties,
    SteadyPotential,
    SteadyTerms,
)

NAIVE = ShapingRule(gamma=GAMMA, mode=ShapingMode.ABSOLUTE)


def absolute(*payments: object, potentials: tuple = ()) -> ComposedRule:
    return ComposedRule(
        gamma=GAMMA, mode=ShapingMode.ABSOLUTE, potentials=potentials, payments=payments
    )


def shaped(*potentials: object) -> ComposedRule:
    return ComposedRule(gamma=GAMMA, potentials=potentials)


def test_looping_pays_under_the_naive_reward():
    assert gain(NAIVE, looping()) > 3.0 * gain(NAIVE, finishing())


@pytest.mark.parametrize(
    "rule",
    [
        absolute(PotentialShaping(gamma=GAMMA)),
        absolute(potentials=(Clip(threshold=0.95),)),
        absolute(Delta()),
        absolute(Gate()),
        absolute(Gate(by="success", threshold=0.95)),
        absolute(SoftPenalties()),
        absolute(Lexicographic(gamma=GAMMA)),
        absolute(Delta(), Gold(gamma=GAMMA)),
        shaped(),
        shaped(Clip(threshold=0.5)),
        shaped(Log(unit=0.1)),
        shaped(Preference()),
        shaped(Preference(reference=0.8)),
        shaped(ConfidentPotential()),
        shaped(SteadyPotential(readings=3)),
    ],
    ids=lambda rule: "+".join(type(t).__name__ for t in (*rule.potentials, *rule.payments)),
)
@pytest.mark.parametrize("steps", [4, 51, 300])
def test_finishing_pays_more_than_looping(rule, steps):
    looped = gain(rule, looping(steps=steps, window=rule.window))
    assert gain(rule, finishing(window=rule.window)) > looped


@pytest.mark.parametrize("length", [3, 30, 300])
def test_the_return_of_delta_is_bounded_and_that_of_clip_never_positive(length):
    paid = auxiliary(absolute(Delta())(looping(steps=length)))
    assert paid.sum() == pytest.approx((HIGH if length % 2 == 0 else LOW) - START)
    assert discounted(paid) <= HIGH - START
    clipped = auxiliary(absolute(potentials=(Clip(threshold=0.7),))(looping(steps=length)))
    assert (clipped <= 0.0).all()


def test_clip_and_delta_compose():
    rule = absolute(Delta(), potentials=(Clip(threshold=0.7),))
    paid = auxiliary(rule(looping(steps=300)))
    assert paid.sum() == pytest.approx(0.0 - (START - 0.7))


def test_the_gate_pays_what_was_accumulated_and_only_with_success():
    rule = absolute(Gate(scale=0.5))
    np.testing.assert_allclose(auxiliary(rule(finishing())), [0.0, 0.0, 0.5])
    np.testing.assert_array_equal(auxiliary(rule(looping())), 0.0)
    judged = absolute(Gate(by="success", threshold=0.5))
    np.testing.assert_allclose(auxiliary(judged(looping()))[-1], HIGH - START)


def test_gold_forever_is_worth_no_more_than_gold_at_the_end():
    rule = ComposedRule(gamma=GAMMA, mode=ShapingMode.NONE, payments=(Gold(gamma=GAMMA),))
    hovering = rule(walk([0.0, *[0.97] * 2000], success=False))["gold"]
    assert discounted(hovering) == pytest.approx(1.0)
    ending = rule(walk([0.97, 0.97, 0.97], success=True))["gold"]
    assert discounted(ending) == pytest.approx(1.0)
    coming_and_going = rule(walk([0.0, *[0.97, 0.5] * 1000], success=False))["gold"]
    assert discounted(coming_and_going) < 1.0
    naive = Gold(gamma=GAMMA, every_step=True)
    paid = ComposedRule(gamma=GAMMA, mode=ShapingMode.NONE, payments=(naive,))
    farmed = paid(walk([0.0, *[0.97] * 2000], success=False))["gold"]
    assert discounted(farmed) == pytest.approx(1.0 / (1.0 - GAMMA))


def test_gold_needs_its_votes_and_a_held_reading_votes_once():
    gold = Gold(gamma=GAMMA, votes=2, of=3)
    rule = ComposedRule(gamma=GAMMA, mode=ShapingMode.NONE, payments=(gold,))
    paid = rule(walk([0.0, 1.0, 0.0, 1.0, 0.0, 0.0], success=False, window=3))["gold"]
    np.testing.assert_array_equal(paid > 0, [False, False, True, False, False])


def test_penalties_take_from_gains_alone_so_that_a_loop_under_penalty_loses():
    there_and_back = [0.0, 0.5, 0.0, 0.5, 0.0, 0.5]
    penalty = [1.0, 0.0, 1.0, 0.0, 1.0]  # going back is done under penalty
    signals = walk(there_and_back, success=False, penalty=penalty)
    paid = auxiliary(absolute(SoftPenalties())(signals))
    np.testing.assert_allclose(paid, [0.5, -0.5, 0.5, -0.5, 0.5])
    softened = np.array(penalty) * np.diff(there_and_back)  # what softened losses would pay
    assert softened.sum() == 1.5


def test_an_infraction_gains_nothing_and_penalties_multiply_gains():
    signals = walk([0.0, 0.4, 0.8], success=False, penalty=[0.5, 1.0], infraction=[False, True])
    np.testing.assert_allclose(auxiliary(absolute(SoftPenalties(scale=2.0))(signals)), [0.4, 0.0])


def test_weights_on_the_terms_can_be_farmed_and_weights_on_the_potential_cannot():
    """Advance where the model is sure, go back where it is not."""
    cells = [0.0, *[0.9, 0.1] * 150]
    sure = [1.0 if cell == 0.9 else 0.1 for cell in cells[1:]]
    signals = walk(cells, success=False, confidence=sure, shift=-1.0)
    on_terms = ComposedRule(gamma=GAMMA, payments=(ConfidentTerms(),))
    assert gain(on_terms, signals) > 5.0
    phi_0 = -1.0
    assert gain(shaped(ConfidentPotential()), signals) == pytest.approx(-phi_0, abs=1e-3)


def test_steadiness_on_the_terms_can_be_farmed_and_on_the_potential_cannot():
    """Advance slowly, so that readings are steady, and fall back in one step."""
    cells = [*np.linspace(0.0, 0.9, 10)] * 40
    signals = walk([float(cell) for cell in cells], success=False, window=4, shift=-1.0)
    weight = {"readings": 3, "temperature": 0.02}
    on_terms = ComposedRule(gamma=GAMMA, payments=(SteadyTerms(**weight),))
    assert gain(on_terms, signals) > 1.5
    assert gain(shaped(SteadyPotential(**weight)), signals) == pytest.approx(1.0, abs=1e-3)


def test_no_auxiliary_return_outweighs_a_margin_of_primary_return():
    rule = absolute(Lexicographic(gamma=GAMMA, margin=0.2))
    best = auxiliary(rule(walk([1.0] * 3000, success=False)))
    worst = auxiliary(rule(walk([0.0] * 3000, success=False, shift=-9.0)))
    assert discounted(best) - discounted(worst) <= 0.2 + 1e-12
    assert discounted(best) == pytest.approx(0.1)
