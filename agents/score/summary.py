"""What a reading comes to, and when it is not to be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.agents.score.curves import Curve

__all__ = ["LOW_CONFIDENCE", "SUCCESS_THRESHOLD", "Flag", "Summary", "flags_of", "summarise"]

LOW_CONFIDENCE = 0.5
"""Mean confidence below which a model is said not to recognise what it sees."""
SUCCESS_THRESHOLD = 0.5
"""Probability from which a frame counts as a success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A reason to be careful with a result.

    Args:
        code: recording, low_confidence, unanswered or unknown_words.
        text: One sentence or two for a reader.
        curve: Label of the curve that it is about, or ``None`` for all.
        grave: Whether numbers are missing or not to be relied on.
    """

    code: str
    text: str
    curve: str | None = None
    grave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One curve in a few figures; ``None`` wherever there is no answer.

    Args:
        answered: Frames with an answer.
        final_progress: Progress at the last frame.
        best_progress: Greatest progress.
        final_success: Probability of success at the last frame.
        first_success: Seconds until a frame first counts as a success.
        mean_confidence: Mean confidence over the frames with an answer.
        oracle_mae: Mean absolute difference of progress from the simulator's, where it is known.
    """

    answered: int
    final_progress: float | None
    best_progress: float | None
    final_success: float | None
    first_success: float | None
    mean_confidence: float | None
    oracle_mae: float | None


def summarise(
    curve: Curve, times: NDArray[np.float64], oracle: NDArray[np.float32] | None
) -> Summary:
    """Summarise one curve.

    Args:
        curve: The readings, T frames.
        times: (T,) s.
        oracle: (T,) progress that the simulator knew, or ``None``.
    """
    ok = curve.answered
    progress, success = curve.column("progress"), curve.column("success")
    reached = np.flatnonzero(success >= SUCCESS_THRESHOLD)  # NaN compares false
    error = None if oracle is None or not ok.any() else float(np.abs(progress - oracle)[ok].mean())
    return Summary(
        answered=int(ok.sum()),
        final_progress=_known(progress[-1]),
        best_progress=_known(progress[ok].max()) if ok.any() else None,
        final_success=_known(success[-1]),
        first_success=float(times[reached[0]]) if len(reached) else None,
        mean_confidence=float(curve.column("confidence")[ok].mean()) if ok.any() else None,
        oracle_mae=error,
    )


def flags_of(curve: Curve, summary: Summary) -> list[Flag]:
    """Return the reasons to distrust one curve."""
    flags = []
    if summary.answered < len(curve):
        flags.append(
            Flag(
                code="unanswered",
                grave=True,
                curve=curve.label,
                text=f"{curve.label} gave no answer for {len(curve) - summary.answered} of "
                f"{len(curve)} frames; its curve has gaps there.",
            )
        )
    if summary.mean_confidence is not None and summary.mean_confidence < LOW_CONFIDENCE:
        flags.append(
            Flag(
                code="low_confidence",
                grave=True,
                curve=curve.label,
                text=f"{curve.label} does not recognise this instruction or scene: its mean "
                f"confidence is {summary.mean_confidence:.2f}. Do not rely on its numbers.",
            )
        )
    return flags


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
