"""Turn the options of a reference into the dataclass that types them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from kibble.rewards.errors import ConfigError

__all__ = ["read_options"]

OptionsT = TypeVar("OptionsT")

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_options(
    schema: type[OptionsT], pairs: Sequence[tuple[str, str]], *, model: str
) -> OptionsT:
    """Read options by the types of a dataclass's fields.

    Known types are str, int, float, bool (``true`` or ``false``), tuples of those, which take a
    key given several times, and any of them or ``None`` (``null``).

    Args:
        schema: The dataclass; its own checks run too.
        pairs: Key and value of each option.
        model: Name of the model for error texts.

    Returns:
        The options.

    Raises:
        ConfigError: If a key is unknown or given too often, or a value is not of its type.
    """
    hints = get_type_hints(schema)
    known = [field.name for field in fields(schema)]  # type: ignore[arg-type]  # a dataclass
    texts: dict[str, list[str]] = {}
    for key, value in pairs:
        if key not in known:
            raise ConfigError(_unknown(key, known, model))
        texts.setdefault(key, []).append(value)
    values: dict[str, Any] = {
        key: _value(f"`{key}` of {model}", hints[key], given) for key, given in texts.items()
    }
    return schema(**values)


def _unknown(key: str, known: Sequence[str], model: str) -> str:
    if not known:
        return f"Reward model {model} has no options, got {key!r}; leave it out."
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."
    return f"Options of reward model {model} must be known, got {key!r}; {hint}"


def _value(where: str, kind: Any, texts: Sequence[str]) -> object:
    if get_origin(kind) in (Union, UnionType):
        if list(texts) == ["null"]:
            return None
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is tuple:
        first, *others = get_args(kind)
        if others != [...] and len(texts) != 1 + len(others):
            raise ConfigError(
                f"{where} must be given {1 + len(others)} times, got {len(texts)} values."
            )
        return tuple(_scalar(where, first, text) for text in texts)
    if len(texts) > 1:
        raise ConfigError(f"{where} takes one value, got {list(texts)}; give it once.")
    return _scalar(where, kind, texts[0])


def _scalar(where: str, kind: Any, text: str) -> object:
    if kind is str:
        return text
    if kind is bool:
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        raise ConfigError(f"{where} must be true or false, got {text!r}.")
    assert kind in (int, float), f"{where} has a type that options cannot have: {kind}"
    try:
        return kind(text)
    except ValueError as error:
        number = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{where} must be {number}, got {text!r}.") from error
