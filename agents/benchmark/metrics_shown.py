"""The metrics in the order in which they are shown, with the level that a good model reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "Metric", "reaches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric.

    Args:
        name: Its key in ``benchmark.json``.
        title: Its name in pictures.
        best: ``"high"``, ``"low"``, or ``"zero"`` where both signs are bad.
        level: What a good model reaches; for ``"zero"`` in absolute value; ``None`` without.
        limits: Range of the axis, or ``None`` where it has none and is logarithmic.
    """

    name: str
    title: str
    best: Literal["high", "low", "zero"]
    level: float | None = None
    limits: tuple[float, float] | None = (0.0, 1.0)


def reaches(metric: Metric, value: float) -> bool:
    """Whether a value reaches the level of a good model.

    >>> reaches(Metric(name="voc_frozen", title="", best="zero", level=0.1), -0.05)
    True
    """
    if metric.level is None:
        return False
    if metric.best == "high":
        return value >= metric.level
    return (abs(value) if metric.best == "zero" else value) <= metric.level


def _metric(
    name: str,
    title: str,
    best: Literal["high", "low", "zero"],
    level: float | None = None,
    limits: tuple[float, float] | None = (0.0, 1.0),
) -> Metric:
    return Metric(name=name, title=title, best=best, level=level, limits=limits)


_BOTH = (-1.0, 1.0)

METRICS = (
    _metric("voc_forward", "order in time, forward (VOC)", "high", 0.95, _BOTH),
    _metric("voc_reversed", "order in time, reversed video", "low", -0.95, _BOTH),
    _metric("voc_shuffled", "order in time, shuffled frames", "zero", 0.1, _BOTH),
    _metric("voc_frozen", "order in time, frozen frame", "zero", 0.1, _BOTH),
    _metric("kendall_tau_a", "ranking of outcomes, Kendall tau-a", "high", 0.8, _BOTH),
    _metric("pairwise_accuracy", "pairs of outcomes in order", "high", 0.9),
    _metric("confusion_margin", "margin of the right task's instruction", "high", 0.8, _BOTH),
    _metric("goal_margin", "margin of the right goal in the scene", "high", 0.7, _BOTH),
    _metric("success_auc", "success, ROC-AUC", "high", 0.98),
    _metric("success_f1", "success, F1 at 1/2", "high", 0.9),
    _metric("success_ece", "success, calibration error (ECE)", "low", 0.05),
    _metric("success_brier", "success, Brier score", "low", 0.05),
    _metric("undone_false_positive_rate", "success still seen after undoing", "low", 0.05),
    _metric("near_miss_false_positive_rate", "success seen in near-misses", "low", 0.05),
    _metric("regress_accuracy", "falls of progress that are seen", "high", 0.95),
    _metric("progress_mae", "mean error of progress", "low", 0.05),
    _metric("rubric_mae", "mean error of the grade, 1 to 5", "low", 0.5, (0.0, 4.0)),
    _metric("paraphrase_consistency", "same reading of other words", "high", 0.95),
    _metric("heldout_phrasing_consistency", "same reading of unseen words", "high", 0.95),
    _metric("epic", "EPIC distance of the reward to the oracle's", "low", 0.2),
    _metric("starc", "STARC distance of the reward to the oracle's", "low", 0.2),
    _metric("epic_success", "EPIC distance of success to the oracle's", "low", 0.2),
    _metric("blank_success_rate", "success seen in black frames", "low", 0.05),
    _metric("colour_success_rate", "success seen in one colour", "low", 0.05),
    _metric("junk_success_rate", "success by a junk instruction", "low", 0.05),
    _metric("empty_success_rate", "success by next to no instruction", "low", 0.05),
    _metric("blank_confidence", "confidence in black frames", "low"),
    _metric("colour_confidence", "confidence in one colour", "low"),
    _metric("junk_confidence", "confidence under a junk instruction", "low"),
    _metric("empty_confidence", "confidence under next to no instruction", "low"),
    _metric("goal_margin_oracle", "margin of the right goal, oracle", "high", None, _BOTH),
    _metric("voc_oracle", "order in time of the oracle", "high", None, _BOTH),
    _metric("answered", "share of frames answered", "high", None),
    _metric("frames_per_second", "camera frames per second, in batches", "high", 1500.0, None),
    _metric("latency_ms", "milliseconds for one frame of every view", "low", 6.0, None),
)
"""Every metric, those that a table can do without last."""
