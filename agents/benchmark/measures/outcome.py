"""Outcomes: are better rollouts ranked higher, and is success recognised?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.measures.evidence import Evidence, Measured
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.metrics.ranking import PairCounts, compare_pairs
from kibble.rewards.metrics.success import (
    brier_score,
    expected_calibration_error,
    f1_score,
    roc_auc,
)

__all__ = ["outcome_grade", "ranking_measures", "success_measures", "success_samples"]

FAILED_BELOW, PARTIAL_FROM = 0.4, 0.5
Samples = tuple[NDArray[np.bool_], NDArray[np.float32]]


def outcome_grade(trial: Trial) -> int | None:
    """The true grade of how a trial ended: 0 failed, 1 partial, 2 successful.

    Successful by the true success at the last frame; else failed where the true progress there is
    below 0.4 and partial where it is 0.5 or more. What lies between belongs to neither, so that no
    pair hangs on the border. Without true progress there is no partial.

    Returns:
        The grade, or ``None`` where nobody knows or it belongs to neither.
    """
    if trial.outcome is None:
        return None
    if trial.outcome:
        return 2
    if trial.own_progress is None:
        return 0
    last = float(trial.own_progress[-1])
    if last < FAILED_BELOW:
        return 0
    return 1 if last >= PARTIAL_FROM else None


def ranking_measures(evidence: Evidence) -> Measured:
    """Kendall's tau-a and pairwise accuracy of the final progress within tasks."""
    rows: list[tuple[str, int, float]] = []
    for i, trial in enumerate(evidence.trials):
        own, grade = evidence.readings.own(i), outcome_grade(trial)
        if own is not None and grade is not None:
            rows.append((trial.task, grade, float(own.progress[-1])))

    def pooled(some: Sequence[tuple[str, int, float]]) -> PairCounts:
        counts = PairCounts(concordant=0, discordant=0, tied=0)
        for task in {row[0] for row in some}:
            mine = [row for row in some if row[0] == task]
            counts += compare_pairs([row[1] for row in mine], [row[2] for row in mine])
        return counts

    need = "rollouts of one task that are known to have ended differently"
    return {
        "kendall_tau_a": evidence.figure(
            "ranking", rows, lambda some: pooled(some).kendall_tau_a, need=need
        ),
        "pairwise_accuracy": evidence.figure(
            "ranking", rows, lambda some: pooled(some).pairwise_accuracy, need=need
        ),
    }


def success_samples(evidence: Evidence, *, kinds: Sequence[str] | None = None) -> list[Samples]:
    """For each trial the truth and the model's probability: of every frame, or of the last one.

    Args:
        evidence: Trials and readings.
        kinds: Kinds of behaviour to keep, or ``None`` for all.
    """
    samples: list[Samples] = []
    for i, trial in enumerate(evidence.trials):
        own = evidence.readings.own(i)
        if own is None or (kinds is not None and trial.kind not in kinds):
            continue
        if trial.own_success is not None:
            samples.append((trial.own_success, own.success))
        elif trial.outcome is not None:
            samples.append((np.array([trial.outcome]), own.success[-1:]))
    return samples


def success_measures(evidence: Evidence) -> Measured:
    """ROC-AUC, F1, Brier and ECE over frames; false positives after undoing and on near-misses."""
    samples = success_samples(evidence)

    def over(
        metric: Callable[[NDArray[np.bool_], NDArray[np.float32]], float],
    ) -> Callable[[Sequence[Samples]], float]:
        return lambda some: metric(
            np.concatenate([labels for labels, _ in some]),
            np.concatenate([scores for _, scores in some]),
        )

    both = "frames or outcomes that are known to be successes, and others"
    known = "frames or outcomes with known success"
    undone, near = [], []
    for i, trial in enumerate(evidence.trials):
        own, met = evidence.readings.own(i), trial.own_success
        if own is None or met is None:
            continue
        if met.any() and not met[-1]:
            undone.append(float(own.success[-1] >= 0.5))
        if trial.kind == "near_miss":
            near.append(float((own.success[~met] >= 0.5).mean()))
    return {
        "success_auc": evidence.figure("success", samples, over(roc_auc), need=both),
        "success_f1": evidence.figure("success", samples, over(f1_score), need=both),
        "success_brier": evidence.figure("success", samples, over(brier_score), need=known),
        "success_ece": evidence.figure(
            "success", samples, over(expected_calibration_error), need=known
        ),
        "undone_false_positive_rate": evidence.mean(
            "undone", undone, need="successes that were undone, and true success in every frame"
        ),
        "near_miss_false_positive_rate": evidence.mean(
            "near_miss", near, need="near-misses, and true success in every frame"
        ),
    }
