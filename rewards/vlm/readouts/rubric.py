"""Read ``ANSWER: 4``, a score on a rubric."""

from __future__ import annotations

import re

from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["rubric_score"]

_ANSWER = re.compile(r"ANSWER:[ \t]*([0-9])\.?")


def rubric_score(text: str, *, low: int = 1, high: int = 5) -> int:
    """Read a score of one digit.

    Args:
        text: The model's answer; nothing but ``ANSWER: <score>`` and surrounding white space.
        low: Least score of the rubric.
        high: Greatest, 9 at most.

    Returns:
        The score in low..high.

    Raises:
        AnswerError: If the answer is anything else or off the rubric.

    Source:
        RoboReward (``teetone/RoboReward-4B``); as asked in github.com/robometer/robometer,
        robometer/evals/baselines/roboreward.py, which falls back on any digit in the text, and on
        the lowest score where there is none; this does neither.

    >>> rubric_score("ANSWER: 4")
    4
    """
    match = _ANSWER.fullmatch(text.strip())
    if match is None or not low <= int(match[1]) <= high:
        raise AnswerError(
            f"An answer must be 'ANSWER: n' with n in {low}..{high}, got {text[:200]!r}."
        )
    return int(match[1])
