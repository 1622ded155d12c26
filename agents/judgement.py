"""What the reward model thought of episodes, beside what was true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Judgement", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A reward model's verdicts against the truth, over the episodes that have both.

    Args:
        episodes: Episodes compared.
        success_rate: Share that the model called successes.
        agreement: Share in which both say the same.
        false_positives: Failures that the model called successes.
        false_negatives: Successes that the model called failures.
    """

    episodes: int
    success_rate: float
    agreement: float
    false_positives: int
    false_negatives: int


def compare(truth: Sequence[bool | None], judged: Sequence[bool | None]) -> Judgement | None:
    """Compare verdicts with the truth.

    Args:
        truth: Whether each episode succeeded, None where nobody knows.
        judged: Whether the model said so, None where it gave no answer.

    Returns:
        The comparison, or None if no episode has both.

    >>> compare([True, False, False], [True, True, None]).false_positives
    1
    """
    pairs = [(t, j) for t, j in zip(truth, judged, strict=True) if t is not None and j is not None]
    if not pairs:
        return None
    return Judgement(
        episodes=len(pairs),
        success_rate=sum(j for _, j in pairs) / len(pairs),
        agreement=sum(t == j for t, j in pairs) / len(pairs),
        false_positives=sum(j and not t for t, j in pairs),
        false_negatives=sum(t and not j for t, j in pairs),
    )
