"""Exact optima of finite Markov decision processes, in float64.

Small enough to be solved without learning, such a process tells what a reward asks for: compare
the sets of optimal actions under two rewards, and no learning noise is in the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kibble.rewards.errors import ShapingError

__all__ = [
    "FiniteMDP",
    "Solution",
    "evaluate_policy",
    "occupancy",
    "solve",
    "solve_horizon",
    "uniform_over",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
TOLERANCE = 1e-9
"""Actions whose values differ by less than this share of the largest value count as equal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FiniteMDP:
    """An episodic process with S states and A actions.

    Args:
        transition: (S, A, S) float64, τ(s' | s, a). Rows of terminal states are never used.
        reward: (S, A, S) float64, R(s, a, s'), paid on reaching s', also where s' is terminal.
        terminal: (S,) bool, states in which an episode ends; nothing is earned after.
        start: (S,) float64, probability of each first state.

    Raises:
        ShapingError: If shapes differ, a value is not finite, or a row is no distribution.
    """

    transition: FloatArray
    reward: FloatArray
    terminal: BoolArray
    start: FloatArray

    def __post_init__(self) -> None:
        states = len(self.terminal)
        shape = self.transition.shape
        if len(shape) != 3 or shape[0] != states or shape[2] != states or not shape[1]:
            raise ShapingError(
                f"`transition` must have shape (S, A, S) for {states} states, got {shape}."
            )
        if self.reward.shape != shape or self.start.shape != (states,):
            raise ShapingError(
                f"`reward` must have shape {shape} and `start` ({states},), got "
                f"{self.reward.shape} and {self.start.shape}."
            )
        if not np.isfinite(self.reward).all():
            raise ShapingError("`reward` must be finite, got NaN or infinity.")
        for name, rows in (("transition", self.transition[~self.terminal]), ("start", self.start)):
            if not (rows >= 0.0).all() or not np.allclose(rows.sum(axis=-1), 1.0, atol=1e-12):
                raise ShapingError(
                    f"`{name}` must hold probabilities that sum to 1, got a sum of "
                    f"{np.ravel(rows.sum(axis=-1))[0]} or a negative entry."
                )

    @property
    def states(self) -> int:
        """S."""
        return int(self.transition.shape[0])

    @property
    def actions(self) -> int:
        """A."""
        return int(self.transition.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The optimum of a process; every array has a leading time axis where time is limited.

    Args:
        value: (…, S) float64, V*(s); 0 in terminal states.
        action_value: (…, S, A) float64, Q*(s, a); 0 in terminal states.
        optimal: (…, S, A) bool, the set of optimal actions; all of them in terminal states.
    """

    value: FloatArray
    action_value: FloatArray
    optimal: BoolArray


def solve(mdp: FiniteMDP, *, gamma: float, tolerance: float = TOLERANCE) -> Solution:
    """Solve a discounted process without a time limit, by policy iteration.

    Args:
        mdp: The process.
        gamma: Discount in [0, 1).
        tolerance: Actions count as optimal within this share of max(1, max |Q*|) of the best.

    Returns:
        Value, action values and sets of optimal actions.

    Raises:
        ShapingError: If gamma is out of range.

    Source:
        Howard 1960; Puterman 1994, section 6.4.

    >>> step = np.zeros((3, 2, 3))  # a corridor of three cells: left, right
    >>> step[0, 0, 0] = step[1, 0, 0] = step[0, 1, 1] = step[1, 1, 2] = step[2, :, 2] = 1.0
    >>> reward = np.zeros((3, 2, 3))
    >>> reward[1, 1, 2] = 1.0
    >>> mdp = FiniteMDP(transition=step, reward=reward, terminal=np.array([False, False, True]),
    ...                 start=np.array([1.0, 0.0, 0.0]))
    >>> solve(mdp, gamma=0.5).value
    array([0.5, 1. , 0. ])
    """
    _check_discount(gamma)
    rows = np.arange(mdp.states)
    choice = np.zeros(mdp.states, np.intp)
    while True:
        policy = np.zeros((mdp.states, mdp.actions))
        policy[rows, choice] = 1.0
        q = _action_values(mdp, mdp.reward, evaluate_policy(mdp, policy, gamma=gamma), gamma)
        best = q.argmax(axis=1)
        rounding = 1e-13 * max(1.0, float(np.abs(q).max()))  # or ties could go round in circles
        better = q[rows, best] > q[rows, choice] + rounding
        if not better.any():
            return _solution(q, tolerance)
        choice = np.where(better, best, choice)


def solve_horizon(
    mdp: FiniteMDP,
    *,
    gamma: float,
    steps: int,
    final: ArrayLike | None = None,
    rewards: ArrayLike | None = None,
    tolerance: float = TOLERANCE,
) -> Solution:
    """Solve a process with a time limit that the agent knows of, by backward induction.

    Args:
        mdp: The process.
        gamma: Discount in [0, 1].
        steps: T, the time limit, at least 1.
        final: (S,) value of each state when time is up: what a truncation is bootstrapped with.
            ``None`` for 0, which makes the time limit a termination.
        rewards: (T, S, A, S) rewards that change with time, instead of the process's own.
        tolerance: See :func:`solve`.

    Returns:
        Value (T, S), action values (T, S, A) and sets of optimal actions (T, S, A).

    Raises:
        ShapingError: If an argument is out of range or has another shape.

    Source:
        Puterman 1994, section 4.5; Pardo et al. 2018, "Time Limits in Reinforcement Learning",
        for bootstrapping at truncations.
    """
    if not 0.0 <= gamma <= 1.0:
        raise ShapingError(f"`gamma` must lie in [0, 1], got {gamma}.")
    if steps < 1:
        raise ShapingError(f"`steps` must be at least 1, got {steps}.")
    shape = (steps, *mdp.reward.shape)
    table = np.broadcast_to(mdp.reward if rewards is None else np.asarray(rewards), shape)
    value = np.zeros(mdp.states) if final is None else np.asarray(final, np.float64)
    if value.shape != (mdp.states,):
        raise ShapingError(f"`final` must have shape ({mdp.states},), got {value.shape}.")
    found: list[Solution] = []
    for t in reversed(range(steps)):
        q = _action_values(mdp, table[t], np.where(mdp.terminal, 0.0, value), gamma)
        found.append(_solution(q, tolerance))
        value = found[-1].value
    found.reverse()
    return Solution(
        value=np.stack([each.value for each in found]),
        action_value=np.stack([each.action_value for each in found]),
        optimal=np.stack([each.optimal for each in found]),
    )


def evaluate_policy(mdp: FiniteMDP, policy: ArrayLike, *, gamma: float) -> FloatArray:
    """Return the discounted value of a policy in each state, without a time limit.

    V = (I - gamma τ_π)⁻¹ r_π over the states that are not terminal.

    Args:
        mdp: The process.
        policy: (S, A) probability of each action.
        gamma: Discount in [0, 1).

    Returns:
        (S,) float64; 0 in terminal states.

    Raises:
        ShapingError: If gamma is out of range.
    """
    _check_discount(gamma)
    alive = ~mdp.terminal
    chain, earned = _under(mdp, policy)
    value = np.zeros(mdp.states)
    matrix = np.eye(int(alive.sum())) - gamma * chain[np.ix_(alive, alive)]
    value[alive] = np.linalg.solve(matrix, earned[alive])
    return value


def occupancy(mdp: FiniteMDP, policy: ArrayLike, *, steps: int) -> FloatArray:
    """Return where a policy is after each step of an episode.

    Args:
        mdp: The process.
        policy: (S, A) probability of each action.
        steps: T, the time limit.

    Returns:
        (T + 1, S) float64, row t the distribution after t steps. An episode that has ended stays
        in its terminal state, so the last row holds the share of episodes that ended there.
    """
    chain, _ = _under(mdp, policy)
    chain[mdp.terminal] = np.eye(mdp.states)[mdp.terminal]
    rows = [mdp.start]
    for _ in range(steps):
        rows.append(rows[-1] @ chain)
    return np.stack(rows)


def uniform_over(optimal: BoolArray) -> FloatArray:
    """Return the policy that takes every action of a set with the same probability.

    Args:
        optimal: (S, A) bool, no row empty.

    Returns:
        (S, A) float64.

    >>> uniform_over(np.array([[True, True], [False, True]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    share: FloatArray = optimal / optimal.sum(axis=-1, keepdims=True)
    return share


def _under(mdp: FiniteMDP, policy: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Transitions (S, S) and mean reward (S,) under a policy."""
    pi = np.asarray(policy, np.float64)
    if pi.shape != (mdp.states, mdp.actions):
        raise ShapingError(
            f"`policy` must have shape ({mdp.states}, {mdp.actions}), got {pi.shape}."
        )
    chain = np.einsum("ia,iaj->ij", pi, mdp.transition)
    earned = np.einsum("ia,iaj,iaj->i", pi, mdp.transition, mdp.reward)
    return chain, earned


def _action_values(
    mdp: FiniteMDP, reward: FloatArray, value: FloatArray, gamma: float
) -> FloatArray:
    """Q (S, A) from the values of the next states, 0 in terminal states."""
    q: FloatArray = np.einsum("iaj,iaj->ia", mdp.transition, reward + gamma * value)
    return np.where(mdp.terminal[:, None], 0.0, q)


def _solution(q: FloatArray, tolerance: float) -> Solution:
    value = q.max(axis=1)
    margin = tolerance * max(1.0, float(np.abs(q).max()))
    return Solution(value=value, action_value=q, optimal=q >= value[:, None] - margin)


def _check_discount(gamma: float) -> None:
    if not 0.0 <= gamma < 1.0:
        raise ShapingError(
            f"`gamma` must lie in [0, 1) where time is not limited, got {gamma}; "
            "give a time limit to `solve_horizon` instead."
        )
