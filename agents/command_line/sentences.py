"""Sentences on the command line, which mean what they say: commas and quotes are no grammar."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["quote_sentences"]

_KEYS = ("instruction",)  # the last part of the keys that hold a sentence
_QUOTES = ('"', "'")


def quote_sentences(overrides: Sequence[str]) -> list[str]:
    """Put the value of every sentence into quotes, so that Hydra takes it literally.

    Values that are in quotes already, empty ones and ``null`` stay as they are.

    >>> quote_sentences(["instruction=push it, gently", "seed=0"])
    ['instruction="push it, gently"', 'seed=0']
    """
    return [_quote(word) for word in overrides]


def _quote(word: str) -> str:
    key, sign, value = word.partition("=")
    if not sign or key.lstrip("+").rpartition(".")[2] not in _KEYS or value in ("", "null"):
        return word
    if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]:
        return word
    if '"' not in value:
        return f'{key}="{value}"'
    if "'" not in value:
        return f"{key}='{value}'"
    escaped = value.replace('"', '\\"')
    return f'{key}="{escaped}"'
