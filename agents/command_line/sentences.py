"""Sentences and references on the command line, which mean what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["quote_sentences"]

_KEYS = ("instruction",)  # the last part of the keys that hold a sentence
_QUOTES = ('"', "'")
_MODEL = ("judge", "name", "weights")  # of the keys that name one reward model
_MODELS = ("also", "model", "reward")  # of those that name several
_REFERENCE = re.compile(r"(?:^|[\[,])[\w./~@:+-]+\?\w+=")  # with options
_NEXT_MODEL = re.compile(r",(?=[\w./~])")  # no blank behind the comma, unlike in a sentence


def quote_sentences(overrides: Sequence[str]) -> list[str]:
    """Put every sentence, and every reference with options, into quotes for Hydra.

    Commas and quotes are no grammar in a sentence, nor are ``?``, ``=`` and ``&`` in the reference
    of a reward model. Values that are in quotes already, empty ones and ``null`` stay as they are.

    >>> quote_sentences(["instruction=push it, gently", "seed=0"])
    ['instruction="push it, gently"', 'seed=0']
    >>> quote_sentences(["reward=grm_tiny,clip?goal=a cup, full&alpha=0"])
    ['reward=["grm_tiny","clip?goal=a cup, full&alpha=0"]']
    >>> quote_sentences(["reward=clip?goal=a cup, full"])
    ['reward="clip?goal=a cup, full"']
    """
    return [_quote(word) for word in overrides]


def _quote(word: str) -> str:
    key, sign, value = word.partition("=")
    if not sign or value in ("", "null") or _is_quoted(value):
        return word
    last = key.lstrip("+").rpartition(".")[2]
    if last in _KEYS or (last in _MODEL and _REFERENCE.match(value)):
        return f"{key}={_quoted(value)}"
    if last in _MODELS and '"' not in value and _REFERENCE.search(value):
        inner = value[1:-1] if (value[0], value[-1]) == ("[", "]") else value
        parts = [part.strip() for part in _NEXT_MODEL.split(inner)]
        if last == "reward" and parts == [value]:  # one alone: some commands take no more
            return f"{key}={_quoted(value)}"
        return f"{key}=[{','.join(map(_quoted, parts))}]"
    return word


def _is_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]


def _quoted(value: str) -> str:
    if '"' not in value:
        return f'"{value}"'
    if "'" not in value:
        return f"'{value}'"
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'
