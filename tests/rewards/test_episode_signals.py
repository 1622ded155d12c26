"""Signals of a whole episode are those that a shaper gives step by step, and so are the terms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reward_models import CentroidModel

from kibble.rewards import Frames, Shaper, Task
from kibble.rewards.episode_signals import episode_signals
from kibble.rewards.errors import ShapingError
from kibble.rewards.transforms import (
    ComposedRule,
    ConfidentPotential,
    Gold,
    Preference,
    SoftPenalties,
    SteadyPotential,
)

RULE = ComposedRule(
    gamma=0.9,
    potentials=(Preference(), ConfidentPotential(), SteadyPotential(readings=2)),
    payments=(SoftPenalties(), Gold(gamma=0.9, delta=0.5, votes=2, of=3)),
)


def dot(column: int) -> Frames:
    image = np.zeros((1, 8, 32, 3), np.uint8)
    image[:, :, column] = 255
    return {"front": image}


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.booleans())
def test_an_episode_is_paid_alike_step_by_step_and_at_once(seed, steps, terminated):
    rng = np.random.default_rng(seed)
    shaper = Shaper(CentroidModel(), slots=1, gamma=0.9, scale=2.0, shift=-1.0, rule=RULE)
    shaper.begin({0: (Task(instruction="x"), dot(int(rng.integers(32))))})
    potential = shaper.potential
    phi, progress = [potential.phi[0]], [potential.progress[0]]
    success, confidence, queried, weight = [], [], [], [1.0]
    task, penalty = rng.normal(size=steps), rng.random(steps)
    infraction = rng.random(steps) < 0.2
    paid = []
    for t in range(steps):
        last = t == steps - 1
        queried.append(last or rng.random() < 0.5)
        shaper.weight = float(rng.random())
        weight.append(shaper.weight)
        step = shaper.step(
            task[t : t + 1],
            np.array([last and terminated]),
            np.array([last and not terminated]),
            {0: dot(int(rng.integers(32)))} if queried[-1] else {},
            penalty=penalty[t : t + 1],
            infraction=infraction[t : t + 1],
        )
        for series, values in (
            (phi, potential.phi),
            (progress, potential.progress),
            (success, potential.success),
            (confidence, potential.confidence),
        ):
            series.append(values[0])
        terms = step.info(0)["reward_terms"]
        assert sum(terms.values()) == step.total[0]
        paid.append(step)
    whole = episode_signals(
        task=task,
        terminated=terminated,
        truncated=not terminated,
        phi=np.array(phi),
        progress=np.array(progress),
        queried=np.array(queried),
        success=np.array(success),
        confidence=np.array(confidence),
        weight=np.array(weight),
        penalty=penalty,
        infraction=infraction,
        window=RULE.window,
    )
    for name, column in whole.columns().items():
        stepwise = np.concatenate([step.signals.columns()[name] for step in paid])
        np.testing.assert_array_equal(column, stepwise, err_msg=name)
    for name, term in RULE(whole).items():
        np.testing.assert_allclose(
            term, np.concatenate([step.terms[name] for step in paid]), atol=1e-12, err_msg=name
        )


def test_a_series_of_another_length_is_refused():
    with pytest.raises(ShapingError, match=r"`phi` must have one value per frame, \(3,\) for 2"):
        episode_signals(
            task=np.zeros(2),
            terminated=True,
            truncated=False,
            phi=np.zeros(2),
            progress=np.zeros(3),
        )
