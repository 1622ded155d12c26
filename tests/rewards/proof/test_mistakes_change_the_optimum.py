"""Each known mistake in shaping, in a process built so that it changes the optimal policies.

Beside each stands the right way, which does not. The last test counts how often every one of them
does so in random processes.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.rewards.proof.processes import paid, random_process, with_reward

from kibble.rewards import Shaper, Task
from kibble.rewards.errors import FrameError
from kibble.rewards.tabular import FiniteMDP, solve, solve_horizon

GAMMA = 0.9


def process(moves: dict[tuple[int, int], tuple[int, float]], *, states: int, ends: set[int]):
    """A process in which action a in state s leads to one state and pays one reward."""
    transition, reward = np.zeros((2, states, 2, states))
    for state in range(states):
        for action in range(2):
            reached, pay = moves.get((state, action), (state, 0.0))
            transition[state, action, reached] = 1.0
            reward[state, action, reached] = pay
    return FiniteMDP(
        transition=transition,
        reward=reward,
        terminal=np.isin(np.arange(states), list(ends)),
        start=np.eye(states)[0],
    )


def chosen(mdp, reward):
    """Optimal actions in the first state of a process without a time limit."""
    return set(np.flatnonzero(solve(with_reward(mdp, reward), gamma=GAMMA).optimal[0]).tolist())


def chosen_in_one_step(mdp, reward, final):
    """Optimal actions in the first state where the next step is truncated."""
    found = solve_horizon(with_reward(mdp, reward), gamma=GAMMA, steps=1, final=final)
    return set(np.flatnonzero(found.optimal[0, 0]).tolist())


# An episode ends in success (state 1, action 0) or in a fall (state 2, action 1) that looks good.
GOAL_OR_FALL = process({(0, 0): (1, 1.0), (0, 1): (2, 0.0)}, states=3, ends={1, 2})
LOOKS = np.array([0.0, 0.0, 2.0])


def test_a_potential_of_terminal_states_that_is_not_zero():
    assert chosen(GOAL_OR_FALL, GOAL_OR_FALL.reward) == {0}
    right = paid(GOAL_OR_FALL, LOOKS, LOOKS, gamma=GAMMA)
    mistaken = paid(GOAL_OR_FALL, LOOKS, LOOKS, gamma=GAMMA, terminated=False)
    assert chosen(GOAL_OR_FALL, right) == {0}
    assert chosen(GOAL_OR_FALL, mistaken) == {1}


# Action 0 leads to where 1 is earned on every step, and where the potential is high; action 1 to
# where 0.8 is.
TWO_FIELDS = process(
    {(0, 0): (1, 0.0), (0, 1): (2, 0.0)}
    | {(1, a): (1, 1.0) for a in (0, 1)}
    | {(2, a): (2, 0.8) for a in (0, 1)},
    states=3,
    ends=set(),
)
HIGH_AHEAD = np.array([0.0, 5.0, 0.0])
VALUE = solve(TWO_FIELDS, gamma=GAMMA).value


def test_a_truncation_treated_as_a_termination():
    plain = chosen_in_one_step(TWO_FIELDS, TWO_FIELDS.reward, VALUE)
    right = paid(TWO_FIELDS, HIGH_AHEAD, HIGH_AHEAD, gamma=GAMMA)
    mistaken = paid(TWO_FIELDS, HIGH_AHEAD, HIGH_AHEAD, gamma=GAMMA, terminated=True)
    critic = VALUE - HIGH_AHEAD  # what it says of the truncated state under the shaped reward
    assert plain == {0}
    assert chosen_in_one_step(TWO_FIELDS, right, critic) == {0}
    assert chosen_in_one_step(TWO_FIELDS, mistaken, critic) == {1}


def test_a_truncation_that_is_not_bootstrapped():
    """The other half of that mistake: no value of the last state either."""
    right = paid(TWO_FIELDS, HIGH_AHEAD, HIGH_AHEAD, gamma=GAMMA)
    assert chosen_in_one_step(TWO_FIELDS, TWO_FIELDS.reward, None) == {0, 1}
    assert chosen_in_one_step(TWO_FIELDS, right, None) == {0}
    ended = paid(TWO_FIELDS, HIGH_AHEAD, HIGH_AHEAD, gamma=GAMMA, terminated=True)
    assert chosen_in_one_step(TWO_FIELDS, ended, None) == {0, 1}  # a limit that ends the task


def test_a_last_frame_lost_to_autoreset():
    """The potential of the next episode's first frame instead of the true last one."""
    lost = np.full(3, HIGH_AHEAD[0])  # state 0 is where every episode starts
    right = paid(TWO_FIELDS, HIGH_AHEAD, HIGH_AHEAD, gamma=GAMMA)
    mistaken = paid(TWO_FIELDS, HIGH_AHEAD, lost, gamma=GAMMA)
    critic = VALUE - HIGH_AHEAD
    assert chosen_in_one_step(TWO_FIELDS, right, critic) == {0}
    assert chosen_in_one_step(TWO_FIELDS, mistaken, critic) == {1}


def test_the_shaper_refuses_to_go_without_the_last_frame():
    from tests.reward_models import CentroidModel

    shaper = Shaper(CentroidModel(), slots=1, gamma=GAMMA)
    frame = {"front": np.zeros((1, 8, 32, 3), np.uint8)}
    shaper.begin({0: (Task(instruction="go"), frame)})
    no, yes = np.zeros(1, bool), np.ones(1, bool)
    with pytest.raises(FrameError, match="last frames of an episode are required"):
        shaper.step(np.zeros(1), no, yes, {})


# Wait in state 0 (action 1), or go and be done (action 0).
DONE_OR_WAIT = process({(0, 0): (1, 0.5)}, states=2, ends={1})


def test_a_frame_that_is_read_twice_and_differently():
    """What was read on arriving (next_phi) is not what is subtracted on leaving (phi).

    Noise of mean zero that is drawn anew each time cancels in expectation; a difference that
    stays does not, and reading the same frame in another batch, dtype or version is one.
    """
    once, again = np.array([1.0, 0.0]), np.array([0.9, 0.0])
    assert chosen(DONE_OR_WAIT, DONE_OR_WAIT.reward) == {0}
    for phi in (once, again):  # either reading will do
        assert chosen(DONE_OR_WAIT, paid(DONE_OR_WAIT, phi, phi, gamma=GAMMA)) == {0}
    assert chosen(DONE_OR_WAIT, paid(DONE_OR_WAIT, again, once, gamma=GAMMA)) == {1}


def test_another_gamma_than_the_agents():
    phi = np.array([1.0, 0.0])
    assert chosen(DONE_OR_WAIT, paid(DONE_OR_WAIT, phi, phi, gamma=GAMMA)) == {0}
    assert chosen(DONE_OR_WAIT, paid(DONE_OR_WAIT, phi, phi, gamma=1.0)) == {1}


def test_an_absolute_reward_that_is_held():
    phi = np.array([0.9, 1.0])  # beside the goal, and there
    assert chosen(DONE_OR_WAIT, paid(DONE_OR_WAIT, phi, phi, gamma=GAMMA)) == {0}
    held = paid(DONE_OR_WAIT, phi, phi, gamma=GAMMA, mode="held_absolute")
    assert chosen(DONE_OR_WAIT, held) == {1}


def test_one_weight_for_both_ends_of_a_step():
    """An annealed potential is charged with the weight that it was paid with."""
    phi, steps = np.array([3.0, 0.0]), 6
    weights = 0.5 ** np.arange(steps + 1)
    value = solve(DONE_OR_WAIT, gamma=GAMMA).value

    def sets(pairs):
        rewards = np.stack(
            [paid(DONE_OR_WAIT, phi, phi, gamma=GAMMA, weight=w, next_weight=v) for w, v in pairs]
        )
        final = value - weights[-1] * phi
        return solve_horizon(
            DONE_OR_WAIT, gamma=GAMMA, steps=steps, rewards=rewards, final=final
        ).optimal[0, 0]

    right = list(itertools.pairwise(weights))
    assert sets(right).tolist() == [True, False]
    assert sets([(w, w) for w, _ in right]).tolist() == [False, True]


RIGHT = ("right", "right at a truncation")
MISTAKES = (
    "terminal potential not zero",
    "truncation as termination",
    "one frame read twice",
    "another gamma",
    "last frame lost",
    "held absolute",
)


def sets_of(mdp, seed):
    """Sets of optimal actions without shaping, and by each name with it."""
    rng = np.random.default_rng(seed + 7)
    phi, noise = rng.normal(size=(2, mdp.states))
    plain = solve(mdp, gamma=GAMMA)
    start = np.full(mdp.states, phi[0])  # every episode starts in state 0

    def endless(next_phi=phi, gamma=GAMMA, **how):
        reward = paid(mdp, phi, next_phi, gamma=gamma, **how)
        return solve(with_reward(mdp, reward), gamma=GAMMA).optimal

    def truncated(next_phi=phi, **how):
        shaped = with_reward(mdp, paid(mdp, phi, next_phi, gamma=GAMMA, **how))
        final = plain.value - phi
        return solve_horizon(shaped, gamma=GAMMA, steps=1, final=final).optimal[0]

    return plain.optimal, {
        "right": endless(),
        "right at a truncation": truncated(),
        "terminal potential not zero": endless(terminated=False),
        "truncation as termination": truncated(terminated=True),
        "one frame read twice": endless(phi + 0.3 * noise),
        "another gamma": endless(gamma=0.99),
        "last frame lost": truncated(start),
        "held absolute": endless(mode="held_absolute"),
    }


def test_random_processes():
    """How many of 300 get other sets of optimal actions: the right way none, a mistake many."""
    counts = dict.fromkeys((*RIGHT, *MISTAKES), 0)
    for seed in range(300):
        plain, shaped = sets_of(random_process(seed), seed)
        for name, optimal in shaped.items():
            counts[name] += not np.array_equal(optimal, plain)
    assert {counts[name] for name in RIGHT} == {0}
    assert all(counts[name] >= 30 for name in MISTAKES), counts
