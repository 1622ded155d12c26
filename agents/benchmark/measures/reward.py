"""EPIC and STARC: the model's progress as a reward beside the oracle's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.measures.evidence import Evidence, Measured
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.metrics.epic import state_reward_distance
from kibble.rewards.metrics.starc import minimal_canonical, starc_distance

__all__ = ["reward_measures"]

GAMMA = 0.99
TRANSITIONS_PER_FEATURE = 5
FloatArray = NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]  # of one trial: the model's and the oracle's reward


def reward_measures(evidence: Evidence) -> Measured:
    """EPIC and STARC distances over the transitions of all trials.

    The reward of a transition is the progress of the frame that it ends in; ``epic_success``
    compares the probability of success with the true success in the same way.
    """
    progress: list[Pair] = []
    success: list[Pair] = []
    known: list[Trial] = []
    for i, trial in enumerate(evidence.trials):
        own, oracle, met = evidence.readings.own(i), trial.own_progress, trial.own_success
        if own is None or oracle is None or met is None or trial.steps < 2:
            continue
        known.append(trial)
        progress.append((own.progress[1:].astype(float), oracle[1:].astype(float)))
        success.append((own.success[1:].astype(float), met[1:].astype(float)))

    def epic(some: Sequence[Pair]) -> float:
        return state_reward_distance(
            *(np.concatenate(rewards) for rewards in zip(*some, strict=True))
        )

    need = "true progress in every frame"
    measured: Measured = {
        "epic": evidence.figure("epic", progress, epic, need=need),
        "epic_success": evidence.figure("epic", success, epic, need=need),
    }
    canonical = _canonical(known, progress)
    measured["starc"] = (
        canonical
        if isinstance(canonical, str)
        else evidence.figure("starc", canonical, _starc, need=need)
    )
    return measured


def _starc(some: Sequence[Pair]) -> float:
    model, oracle = (np.concatenate(rewards) for rewards in zip(*some, strict=True))
    return starc_distance(model, oracle)


def _canonical(trials: Sequence[Trial], rewards: Sequence[Pair]) -> list[Pair] | str:
    """Canonicalise both rewards task by task, once for all resamples.

    The potentials are linear in: a constant for every trial, which is its scene and its goal; the
    time in the trial; and the state where there is one. Transitions of different tasks share no
    state, so their potentials are free of each other.

    Returns:
        The canonical rewards of each trial, or why there are none.
    """
    canonical: dict[int, Pair] = {}
    for task in dict.fromkeys(trial.task for trial in trials):
        members = [i for i, trial in enumerate(trials) if trial.task == task]
        features = _features([trials[i] for i in members])
        now = np.concatenate([rows[:-1] for rows in features])
        later = np.concatenate([rows[1:] for rows in features])
        if len(now) < TRANSITIONS_PER_FEATURE * now.shape[1]:
            return (
                f"needs {TRANSITIONS_PER_FEATURE} transitions of a task for each of the "
                f"{now.shape[1]} features of its potentials, got {len(now)} of {task!r}"
            )
        both = np.stack(
            [np.concatenate([rewards[i][which] for i in members]) for which in (0, 1)], axis=1
        )
        left = minimal_canonical(both, features=now, next_features=later, gamma=GAMMA)
        ends = np.cumsum([len(rewards[i][0]) for i in members])[:-1]
        for i, part in zip(members, np.split(left, ends), strict=True):
            canonical[i] = part[:, 0], part[:, 1]
    if not canonical:
        return "needs true progress in every frame"
    return [canonical[i] for i in range(len(trials))]


def _features(trials: Sequence[Trial]) -> list[FloatArray]:
    """For each trial of a task (T, K) features of its states, all of a size near 1."""
    states = [trial.state for trial in trials if trial.state is not None]
    use_state = len(states) == len(trials)
    mean = scale = np.zeros(0)
    if use_state:
        pooled = np.concatenate(states).astype(float)
        mean, scale = pooled.mean(axis=0), pooled.std(axis=0)
    features = []
    for i, trial in enumerate(trials):
        scene = np.zeros((trial.steps, len(trials)))
        scene[:, i] = 1.0
        time = np.arange(trial.steps)[:, None] / max(1, trial.steps - 1)
        parts = [scene, time]
        if use_state:
            assert trial.state is not None
            varies = scale > 1e-6
            parts.append((trial.state[:, varies] - mean[varies]) / scale[varies])
        features.append(np.concatenate(parts, axis=1))
    return features
