"""Read an answer that is one of a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["one_word"]

Meaning = TypeVar("Meaning")


def one_word(text: str, meanings: Mapping[str, Meaning]) -> Meaning:
    """Read one word and return what it means.

    Case, surrounding white space and one full stop at the end do not matter; all else does.

    Args:
        text: The model's answer.
        meanings: Lower-case word to its meaning.

    Returns:
        The word's meaning.

    Raises:
        AnswerError: If the answer is not one of the words.

    Source:
        Yes and no: RewardDance. Trend words: github.com/RLinf/RLinf,
        rlinf/models/embodiment/reward/vlm_reward_utils, whose parser takes the last such word
        anywhere in the text and 0 where there is none; this does neither.

    >>> one_word("Yes.", {"yes": True, "no": False})
    True
    """
    word = text.strip().removesuffix(".").lower()
    if not text.isascii() or word not in meanings:
        raise AnswerError(
            f"An answer must be one word of {', '.join(meanings)}, got {text[:200]!r}."
        )
    return meanings[word]
