"""Read an answer that ends with a JSON object of one key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.json_text import Json, json_ending

__all__ = ["json_choice", "json_number"]

Meaning = TypeVar("Meaning")

_DECIMAL = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?")


def json_choice(text: str, key: str, meanings: Mapping[str, Meaning]) -> Meaning:
    """Read one of a few strings from ``{"key": "string"}`` at the answer's end.

    Args:
        text: The model's answer; reasoning may come before the object, nothing after it.
        key: The object's only key; it must stand once in the text, or the answer is ambiguous.
        meanings: String to its meaning; case matters.

    Returns:
        The string's meaning.

    Raises:
        AnswerError: If the answer is anything else.

    Source:
        LRM (``USC-PSI-Lab/LRM-models``): ``more_complete_image``, ``task_completed``.

    >>> json_choice('{"task_completed": "yes"}', "task_completed", {"yes": 1.0, "no": 0.0})
    1.0
    """
    value = _only_value(text, key)
    if not isinstance(value, str) or value not in meanings:
        raise AnswerError(f"`{key}` must be one of {', '.join(meanings)}, got {value!r}.")
    return meanings[value]


def json_number(text: str, key: str, *, low: float, high: float) -> float:
    """Read a number from ``{"key": 0.5}`` or ``{"key": "0.5"}`` at the answer's end.

    Args:
        text: The model's answer; reasoning may come before the object, nothing after it.
        key: The object's only key; it must stand once in the text, or the answer is ambiguous.
        low: Least number that means something.
        high: Greatest.

    Returns:
        The number in [low, high].

    Raises:
        AnswerError: If the answer is anything else or out of range.

    Source:
        LRM (``USC-PSI-Lab/LRM-models``): ``completion_progress``.

    >>> json_number('{"completion_progress": 0.5}', "completion_progress", low=0, high=1)
    0.5
    """
    value = _only_value(text, key)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AnswerError(f"`{key}` must be a number, got {value!r}.")
    if not low <= value <= high:
        raise AnswerError(f"`{key}` must lie in [{low:g}, {high:g}], got {value!r}.")
    return float(value) + 0.0  # no negative zero


def _only_value(text: str, key: str) -> Json:
    value = json_ending(text, "{")
    if not isinstance(value, dict) or list(value) != [key]:
        raise AnswerError(f"An answer must end with JSON of the key `{key}` alone, got {value!r}.")
    if text.count(f'"{key}"') != 1:
        raise AnswerError(f"`{key}` must stand once in an answer, got {text[-200:]!r}.")
    return value[key]
