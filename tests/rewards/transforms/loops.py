"""Two scripted agents in a corridor with two cells that read well: one finishes, one loops."""

from __future__ import annotations

import numpy as np

from kibble.rewards.episode_signals import episode_signals
from kibble.rewards.rule import RewardRule, Terms, total
from kibble.rewards.signals import Signals

GAMMA = 0.95
START, LOW, HIGH, DONE = 0.0, 0.6, 0.9, 1.0


def finishing(*, shift: float = 0.0, window: int = 1) -> Signals:
    """Three steps to the goal, which pays 1 and terminates."""
    return walk([START, LOW, HIGH, DONE], success=True, shift=shift, window=window)


def looping(*, steps: int = 300, shift: float = 0.0, window: int = 1) -> Signals:
    """Back and forth between the two cells before the goal until time is up."""
    return walk([START, *([LOW, HIGH] * steps)[:steps]], success=False, shift=shift, window=window)


def walk(
    progress: list[float],
    *,
    success: bool,
    shift: float = 0.0,
    window: int = 1,
    confidence: list[float] | None = None,
    penalty: list[float] | None = None,
    infraction: list[bool] | None = None,
) -> Signals:
    """One episode whose readings are given; Phi = progress + shift."""
    readings = np.array(progress)
    task = np.zeros(len(readings) - 1)
    task[-1] = float(success)
    return episode_signals(
        task=task,
        terminated=success,
        truncated=not success,
        phi=readings + shift,
        progress=readings,
        success=readings[1:],
        confidence=None if confidence is None else np.array(confidence),
        penalty=None if penalty is None else np.array(penalty),
        infraction=None if infraction is None else np.array(infraction),
        window=window,
    )


def discounted(term: np.ndarray, *, gamma: float = GAMMA) -> float:
    """Discounted sum of one episode's series."""
    return float(term @ gamma ** np.arange(len(term)))


def gain(rule: RewardRule, signals: Signals) -> float:
    """Discounted return of an episode under a rule."""
    return discounted(total(rule(signals)), gamma=rule.gamma)


def auxiliary(terms: Terms) -> np.ndarray:
    """The sum of all terms but the primary one."""
    return total(terms) - terms["task"]
