"""The same through `Shaper`, `Potential` and real frames, at every history that can happen."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.proof.histories import TableModel, every_path, optimal_sets, play
from tests.rewards.proof.processes import random_process

from kibble.rewards import Shaper
from kibble.rewards.potential import Potential
from kibble.rewards.smoothing import Ema, RunningMedian
from kibble.rewards.tabular import solve

STEPS = 4
GAMMA = 0.9
CASES = {
    "a reading every step": {},
    "a reading every third step": {"query_every": 3},
    "a model with a memory": {"memory": 0.6},
    "readings that fail": {"fails": frozenset({2, 3})},
    "readings that are smoothed": {"smoothing": Ema(lag=1.0)},
    "an annealed weight": {"weight_at": lambda t: 1.0 - 0.2 * t},
    "all of it": {
        "query_every": 2,
        "memory": 0.5,
        "fails": frozenset({1}),
        "smoothing": RunningMedian(lag=1),
        "weight_at": lambda t: 0.8**t,
    },
}


def sets_with_and_without(seed, *, mode="potential", tied=False, **case):
    """Optimal actions at every history, sparse and as the shaper pays."""
    mdp = random_process(seed, states=4, actions=2, tied=tied)
    paths = every_path(mdp, STEPS)
    rng = np.random.default_rng(seed)
    model = TableModel(
        rng.random((mdp.states, STEPS + 1)).astype(np.float32),
        memory=case.pop("memory", 0.0),
        fails=case.pop("fails", frozenset()),
    )
    potential = Potential(
        model,
        slots=len(paths),
        scale=float(rng.uniform(5.0, 20.0)),
        shift=float(rng.choice([-1.0, 0.0])),
        max_failure_share=1.0,
        smoothing=case.pop("smoothing", None),
    )
    shaper = Shaper(potential, slots=len(paths), gamma=GAMMA, mode=mode)
    paid = play(mdp, paths, shaper, steps=STEPS, **case)
    value = solve(mdp, gamma=GAMMA).value

    def bootstrap(prefix):
        return float(value[prefix[1][-1][1]])

    def task(prefix):
        first, moves = prefix
        before = moves[-2][1] if len(moves) > 1 else first
        return float(mdp.reward[before, moves[-1][0], moves[-1][1]])

    plain = optimal_sets(mdp, paths, gamma=GAMMA, reward=task, final=bootstrap)
    shaped = optimal_sets(
        mdp,
        paths,
        gamma=GAMMA,
        reward=paid.reward.__getitem__,
        final=lambda prefix: bootstrap(prefix) - paid.potential[prefix],
    )
    return plain, shaped


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_optimal_actions_are_the_same_at_every_history(case):
    several = 0
    for seed in range(6):
        plain, shaped = sets_with_and_without(seed, tied=seed % 2 == 1, **case)
        assert shaped == plain
        several += sum(sum(actions) > 1 for actions in plain.values())
    assert several > 0  # ties were among them


@pytest.mark.parametrize("mode", ["difference", "absolute", "held_absolute"])
def test_the_other_modes_change_them(mode):
    outcomes = [sets_with_and_without(seed, mode=mode, query_every=2) for seed in range(8)]
    assert any(plain != shaped for plain, shaped in outcomes)
