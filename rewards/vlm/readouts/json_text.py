"""Find the one JSON value that an answer ends with, and read it strictly."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias

from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["Json", "json_ending"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MOST_CHARACTERS = 50_000  # answers that run on are refused before they cost time
_MOST_OPENINGS = 500


def json_ending(text: str, opening: str) -> Json:
    """Read the JSON value with which a text ends, bare or in one code block.

    Models reason first and answer last, so text before the value is left alone. Twice the same
    key, NaN and infinity are errors here, while Python's ``json`` takes them.

    Args:
        text: The model's answer.
        opening: What the value opens with, ``{`` or ``[``.

    Returns:
        The longest such value that reaches to the end.

    Raises:
        AnswerError: If there is none.

    >>> json_ending('The cube is closer in B. {"more_complete_image": "ImageB"}', "{")
    {'more_complete_image': 'ImageB'}
    """
    whole = text.strip()
    if len(whole) > _MOST_CHARACTERS or whole.count(opening) > _MOST_OPENINGS:
        raise AnswerError(
            f"An answer must have at most {_MOST_CHARACTERS} characters and {_MOST_OPENINGS} "
            f"{opening!r}, got {len(whole)} and {whole.count(opening)}."
        )
    if "```" in whole:
        blocks = _FENCED.findall(whole)
        if len(blocks) != 1 or whole.count("```") != 2 or not whole.endswith("```"):
            raise AnswerError(f"An answer must end with its one code block, got {text[-200:]!r}.")
        whole = blocks[0].strip()
    decoder = json.JSONDecoder(object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    reason = "no JSON in it"
    for begin in (match.start() for match in re.finditer(re.escape(opening), whole)):
        try:
            value, end = decoder.raw_decode(whole, begin)
        except (ValueError, RecursionError) as error:
            reason = str(error)
            continue
        if end == len(whole):
            read: Json = value
            return read
        reason = "text after the JSON"
    raise AnswerError(f"An answer must end with JSON, got {text[-200:]!r}: {reason}.")


def _each_key_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError(f"a key stands twice in {[key for key, _ in pairs]}")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
