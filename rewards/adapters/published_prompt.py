"""Prompts that released weights were trained on: data, kept word for word with their source."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path

from kibble.rewards.vlm.prompt import Clip, Part, Picture

__all__ = ["joined_texts", "prompt_parts", "prompt_text"]

_FILE = Path(__file__).with_name("published_prompts.json")
_PLACES = {"<image>": Picture, "<video>": Clip}


@functools.cache
def _prompts() -> dict[str, str]:
    entries = json.loads(_FILE.read_text(encoding="utf-8"))
    return {name: "\n".join(entry["text"]) for name, entry in entries.items()}


def prompt_text(name: str) -> str:
    """Return a prompt as published, with ``{task}``, ``<image>`` and ``<video>`` in it."""
    return _prompts()[name]


def prompt_parts(
    name: str, task: str, shown: Sequence[Picture | Clip], *, place: str = "<image>"
) -> tuple[Part, ...]:
    """Fill in a published prompt.

    The text is cut at the places of its pictures before the instruction is put in, so that an
    instruction moves none of them.

    Args:
        name: Name of the prompt in ``published_prompts.json``.
        task: The instruction.
        shown: Pictures or clips in the order in which the prompt shows them, as many as it has
            places.
        place: ``<image>`` or ``<video>``.

    Returns:
        Texts, pictures and clips in order; no text is empty.
    """
    texts = [text.replace("{task}", task) for text in _prompts()[name].split(place)]
    assert len(texts) == len(shown) + 1, f"{name} has {len(texts) - 1} places"
    assert all(isinstance(part, _PLACES[place]) for part in shown)
    parts: list[Part] = [texts[0]]
    for part, text in zip(shown, texts[1:], strict=True):
        parts += [part, text]
    return tuple(part for part in parts if part != "")


def joined_texts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Join texts that follow each other; some servers put a line break between them.

    >>> joined_texts(("a", "b"))
    ('ab',)
    """
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)
