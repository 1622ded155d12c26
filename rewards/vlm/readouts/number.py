"""Read an answer that is one bare number."""

from __future__ import annotations

import re

from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["signed_number"]

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?")


def signed_number(text: str, *, low: float, high: float) -> float:
    """Read a bare number, signed or not, with or without decimals.

    Args:
        text: The model's answer; nothing but the number and surrounding white space.
        low: Least number that means something.
        high: Greatest.

    Returns:
        The number in [low, high].

    Raises:
        AnswerError: If the answer is anything else or out of range.

    Source:
        VLAC, github.com/InternRobotics/VLAC, evo_vlac/utils/model_utils.py, reads its answers as
        ``float(answer)``, which takes "nan", "inf" and "1_0" as well; this does not.

    >>> signed_number("+12", low=-100, high=100), signed_number("-3.5", low=-100, high=100)
    (12.0, -3.5)
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise AnswerError(f"An answer must be one number such as +12, got {text[:200]!r}.")
    number = float(match[0]) + 0.0  # no negative zero
    if not low <= number <= high:
        raise AnswerError(f"A number must lie in [{low:g}, {high:g}], got {match[0]!r}.")
    return number
