"""Every metric of one model."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.agents.benchmark.measures.evidence import Evidence, Measured
from kibble.agents.benchmark.measures.instruction import instruction_measures, robustness_measures
from kibble.agents.benchmark.measures.order import (
    order_measures,
    progress_measures,
    wording_measures,
)
from kibble.agents.benchmark.measures.outcome import ranking_measures, success_measures
from kibble.agents.benchmark.measures.reward import reward_measures
from kibble.agents.benchmark.readings import Readings
from kibble.agents.benchmark.trials import Trial

__all__ = ["measure", "measure_tasks"]


def measure(trials: Sequence[Trial], readings: Readings, *, seed: int, resamples: int) -> Measured:
    """Compute every metric that the data allow, and say why the others are absent.

    Args:
        trials: The trials.
        readings: A model's readings of them.
        seed: Seed of the intervals.
        resamples: Bootstrap resamples.
    """
    evidence = Evidence(trials=trials, readings=readings, seed=seed, resamples=resamples)
    measured = _measure(evidence)
    if any(readings.own(i) is not None for i in range(len(trials))):
        return measured
    reason = "needs goal frames for the model, and the data have none"
    return dict.fromkeys(measured, reason)


def _measure(evidence: Evidence) -> Measured:
    trials, readings = evidence.trials, evidence.readings
    answered = [
        float(own.answered.mean())
        for own in (readings.own(i) for i in range(len(trials)))
        if own is not None
    ]
    return {
        **order_measures(evidence),
        **ranking_measures(evidence),
        **instruction_measures(evidence),
        **success_measures(evidence),
        **progress_measures(evidence),
        **wording_measures(evidence),
        **reward_measures(evidence),
        **robustness_measures(evidence),
        "answered": evidence.mean("answered", answered, need="goal frames for the model"),
    }


def measure_tasks(
    trials: Sequence[Trial], readings: Readings, *, seed: int, resamples: int
) -> dict[str, Measured]:
    """The metrics that make sense within one task, task by task."""
    measured: dict[str, Measured] = {}
    for task in dict.fromkeys(trial.task for trial in trials):
        kept = [i for i, trial in enumerate(trials) if trial.task == task]
        evidence = Evidence(
            trials=[trials[i] for i in kept],
            readings=readings.only(kept),
            seed=seed,
            resamples=resamples,
        )
        measured[task] = {
            **order_measures(evidence),
            **ranking_measures(evidence),
            **success_measures(evidence),
            **progress_measures(evidence),
            **wording_measures(evidence),
        }
    return measured
