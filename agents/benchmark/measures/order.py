"""Progress over time: order and its controls, error, grade, regress, and wording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kibble.agents.benchmark.measures.evidence import Evidence, Measured
from kibble.agents.benchmark.plan import Purpose
from kibble.rewards.metrics.ordering import value_order_correlation
from kibble.rewards.metrics.progress import (
    paraphrase_spread,
    progress_errors,
    regress_detection,
    rubric_grade,
)

__all__ = ["order_measures", "progress_measures", "wording_measures"]

SHORTEST = 4  # frames until success; in fewer a rank correlation says little
_DEMONSTRATION = "episodes that reach success after 4 frames or more"
_ORACLE = "true progress in every frame"
_CONTROLS: tuple[tuple[str, Purpose], ...] = (
    ("voc_reversed", "reversed"),
    ("voc_shuffled", "shuffled"),
    ("voc_frozen", "frozen"),
)


def order_measures(evidence: Evidence) -> Measured:
    """Value-order correlation up to success, and of the three controls."""
    measured: Measured = {}
    forward, best = [], []
    for i, trial in enumerate(evidence.trials):
        own, end = evidence.readings.own(i), trial.reached
        if own is None or not trial.is_success or end is None or end + 1 < SHORTEST:
            continue
        forward.append(value_order_correlation(own.progress[: end + 1]))
        if trial.own_progress is not None:
            best.append(value_order_correlation(trial.own_progress[: end + 1]))
    measured["voc_forward"] = evidence.mean("voc", forward, need=_DEMONSTRATION)
    for name, purpose in _CONTROLS:
        values = []
        for i in range(len(evidence.trials)):
            shown = [reading.progress for reading in evidence.readings.of(purpose, i)]
            if shown and len(shown[0]) >= SHORTEST:
                values.append(float(np.mean([value_order_correlation(p) for p in shown])))
        measured[name] = evidence.mean("voc", values, need=_DEMONSTRATION)
    measured["voc_oracle"] = evidence.mean("voc", best, need=_ORACLE)
    return measured


def progress_measures(evidence: Evidence) -> Measured:
    """Error and rubric grade against the oracle, and whether its falls are seen."""
    errors, grades, falls = [], [], []
    for i, trial in enumerate(evidence.trials):
        own, oracle, met = evidence.readings.own(i), trial.own_progress, trial.own_success
        if own is None or oracle is None or met is None:
            continue
        errors.append(float(progress_errors(own.progress, oracle).mean()))
        given = rubric_grade(own.progress[-1], own.success[-1] >= 0.5)
        grades.append(float(abs(given - rubric_grade(oracle[-1], met[-1]))))
        falls.append(regress_detection(own.progress, oracle))

    def share(some: Sequence[tuple[int, int]]) -> float:
        detected, all_falls = np.sum(some, axis=0)
        return float(detected / all_falls) if all_falls else float("nan")

    return {
        "progress_mae": evidence.mean("progress_mae", errors, need=_ORACLE),
        "rubric_mae": evidence.mean("rubric_mae", grades, need=_ORACLE),
        "regress_accuracy": evidence.figure(
            "regress_accuracy", falls, share, need="true progress that falls by 0.1 somewhere"
        ),
    }


def wording_measures(evidence: Evidence) -> Measured:
    """Whether the wording of one goal changes the reading."""
    spreads, last = [], []
    for i in range(len(evidence.trials)):
        own, others = evidence.readings.own(i), evidence.readings.of("phrasing", i)
        if own is None or not others:
            continue
        spreads.append(
            1.0 - paraphrase_spread(np.stack([own.progress, *(o.progress for o in others)]))
        )
        last.append(1.0 - paraphrase_spread(np.stack([own.progress, others[-1].progress])))
    need = "several phrasings of one goal"
    return {
        "paraphrase_consistency": evidence.mean("paraphrase", spreads, need=need),
        "heldout_phrasing_consistency": evidence.mean("paraphrase", last, need=need),
    }
