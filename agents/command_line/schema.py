"""What the dataclass of a command says about its keys: one-line meaning and type of each."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
from typing import TYPE_CHECKING, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["describe_keys", "describe_type", "key_types", "schemas_of"]

_ENTRY = re.compile(r"^(\w+)(?: \([^)]*\))?: (.*)$")
_ROLE = re.compile(r":\w+:`~?([^`]+)`")


def describe_keys(schema: type[object], prefix: str = "") -> dict[str, str]:
    """Map every dotted key of a dataclass to its meaning.

    The meaning is the field's ``metadata["help"]`` or its entry under ``Args:`` of the docstring.

    Args:
        schema: A dataclass; fields that are dataclasses are entered.
        prefix: Dotted path of ``schema`` within the whole configuration, with a final dot.

    Returns:
        Dotted key to a line of text; keys without a description are left out.
    """
    described = _docstring_entries(schema)
    meanings: dict[str, str] = {}
    hints = get_type_hints(schema)
    for field in dataclasses.fields(schema):  # type: ignore[arg-type]  # checked by the caller
        meaning = field.metadata.get("help") or described.get(field.name)
        if meaning:
            meanings[prefix + field.name] = str(meaning)
        nested = _nested_dataclass(hints[field.name])
        if nested is not None:
            meanings.update(describe_keys(nested, f"{prefix}{field.name}."))
    return meanings


def key_types(schema: type[object], prefix: str = "") -> dict[str, object]:
    """Map every dotted key of a dataclass to its type annotation."""
    types_by_key: dict[str, object] = {}
    hints = get_type_hints(schema)
    for field in dataclasses.fields(schema):  # type: ignore[arg-type]  # checked by the caller
        types_by_key[prefix + field.name] = hints[field.name]
        nested = _nested_dataclass(hints[field.name])
        if nested is not None:
            types_by_key.update(key_types(nested, f"{prefix}{field.name}."))
    return types_by_key


def schemas_of(config: DictConfig) -> dict[str, type[object]]:
    """Map the top-level keys that are mappings to the dataclasses that type them now.

    The option of a group may type its keys by a dataclass below the one that the command names.
    """
    from omegaconf import OmegaConf

    found = {str(name): OmegaConf.get_type(config, str(name)) for name in config}
    return {
        name: schema
        for name, schema in found.items()
        if schema is not None and dataclasses.is_dataclass(schema)
    }


def describe_type(hint: object) -> str:
    """Say in plain words what values a type annotation takes.

    >>> describe_type(int)
    'an integer'
    >>> describe_type(list[int] | None)
    'a list such as [1,2], or null'
    """
    plain = {
        bool: "true or false",
        int: "an integer",
        float: "a number",
        str: "text",
    }
    if isinstance(hint, type) and hint in plain:
        return plain[hint]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "one of " + ", ".join(member.name for member in hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [describe_type(item) for item in arguments if item is not type(None)]
        words += ["null"] if type(None) in arguments else []
        return ", or ".join(words)
    if origin in (list, tuple):
        example = {int: "[1,2]", float: "[0.1,0.2]", str: "[front,wrist]"}
        return f"a list such as {example.get(arguments[0], '[a,b]')}" if arguments else "a list"
    if origin is dict or hint is dict:
        return "a mapping such as {name: value}"
    return f"a {getattr(hint, '__name__', hint)}"


def _nested_dataclass(hint: object) -> type[object] | None:
    """Return the dataclass that a hint is or may be, if there is one."""
    for item in (hint, *get_args(hint)):
        if isinstance(item, type) and dataclasses.is_dataclass(item):
            return item
    return None


def _docstring_entries(schema: type[object]) -> dict[str, str]:
    """Read the entries under ``Args:`` of the docstrings of a class and of those above it."""
    entries: dict[str, str] = {}
    for one in reversed(schema.__mro__):
        entries |= _own_entries(one)
    return entries


def _own_entries(schema: type[object]) -> dict[str, str]:
    """Read the entries under ``Args:`` of one Google docstring, as one line each."""
    entries: dict[str, str] = {}
    current: str | None = None
    inside = False
    for line in inspect.cleandoc(vars(schema).get("__doc__") or "").splitlines():
        indent = len(line) - len(line.lstrip())
        text = line.strip()
        if indent == 0 and text:
            inside = text == "Args:"
            current = None
        elif inside and indent == 4 and (match := _ENTRY.match(text)):
            current = match.group(1)
            entries[current] = match.group(2)
        elif inside and current is not None and text:
            entries[current] += " " + text
    return {name: _plain(text) for name, text in entries.items()}


def _plain(text: str) -> str:
    """Take the markup of a docstring away.

    >>> _plain("``None`` for :class:`~kibble.Task`.")
    'none for kibble.Task'
    """
    text = _ROLE.sub(r"\1", text).replace("``", "").replace("`", "")
    return re.sub(r"\bNone\b", "none", text).strip().removesuffix(".")
