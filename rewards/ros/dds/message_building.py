"""Makes messages of mappings, and says which field is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Nodetype

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.message_types import MessageTypes
from kibble.rewards.ros.transport import Fields

__all__ = ["build"]

_DTYPES: Mapping[str, str] = {"byte": "uint8", "char": "uint8", "octet": "uint8"}
_LARGEST = float(np.finfo(np.float32).max)
_Desc = Any  # rosbags' description of a field: a pair of node type and what belongs to it


def build(types: MessageTypes, type_name: str, fields: Fields, *, path: str = "") -> object:
    """Return the message that has these fields; those left out are 0, "" or empty.

    Args:
        types: The types that are known.
        type_name: The message's type, for example ``sensor_msgs/msg/Image``.
        fields: Field name to value; see :mod:`kibble.rewards.ros.transport`.
        path: Where the message stands in one around it, with a dot behind, for texts.

    Raises:
        ConfigError: If a field is unknown, or its value is not of the field's type.
    """
    if not isinstance(fields, Mapping):
        raise ConfigError(
            f"`{path.rstrip('.') or type_name}` must be a mapping of the fields of {type_name}, "
            f"got {_shown(fields)}."
        )
    descriptions = dict(types.store.fielddefs[type_name][1])
    unknown = sorted(set(fields) - set(descriptions))
    if unknown:
        raise ConfigError(
            f"`{path}{unknown[0]}` is not a field of {type_name}, which has "
            f"{', '.join(descriptions)}."
        )
    message = types.store.types[type_name]
    values = [
        _value(types, desc, fields[name], f"{path}{name}", type_name)
        if name in fields
        else _default(types, desc)
        for name, desc in descriptions.items()
    ]
    return message(*values)


def _value(types: MessageTypes, desc: _Desc, value: object, path: str, owner: str) -> Any:
    kind, detail = desc
    if kind == Nodetype.NAME:
        return build(types, detail, value, path=f"{path}.")  # type: ignore[arg-type]  # checked there
    if kind == Nodetype.BASE:
        return _scalar(detail, value, path, owner)
    element, size = detail
    array = _elements(types, element, value, path, owner)
    if kind == Nodetype.ARRAY and len(array) != size:
        raise ConfigError(f"`{path}` of {owner} has {size} elements, got {len(array)}.")
    if kind == Nodetype.SEQUENCE and size and len(array) > size:
        raise ConfigError(f"`{path}` of {owner} has at most {size} elements, got {len(array)}.")
    return array


def _scalar(detail: tuple[str, int], value: object, path: str, owner: str) -> Any:
    name, limit = detail
    if name in ("string", "wstring"):
        if not isinstance(value, str):
            raise _wrong(path, owner, "a string", value)
        if limit and len(value.encode()) > limit:
            raise ConfigError(f"`{path}` of {owner} has at most {limit} bytes, got {len(value)}.")
        return value
    if name == "bool":
        if not isinstance(value, (bool, np.bool_)):
            raise _wrong(path, owner, "a bool", value)
        return bool(value)
    if name.startswith("float"):
        if isinstance(value, (bool, str)) or not isinstance(
            value, (int, float, np.floating, np.integer)
        ):
            raise _wrong(path, owner, f"a {name}", value)
        number = float(value)
        if name == "float32" and _LARGEST < abs(number) < math.inf:
            raise ConfigError(
                f"`{path}` of {owner} is a float32, at most {_LARGEST:g}, got {number:g}."
            )
        return number
    name = _DTYPES.get(name, name)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise _wrong(path, owner, _an(name), value)
    bounds = np.iinfo(name)
    if not bounds.min <= value <= bounds.max:
        raise ConfigError(
            f"`{path}` of {owner} is {_an(name)}, {bounds.min} to {bounds.max}, got {value}."
        )
    return int(value)


def _elements(types: MessageTypes, desc: _Desc, value: object, path: str, owner: str) -> Any:
    kind, detail = desc
    if kind == Nodetype.BASE and detail[0] != "string":
        return _numbers(_DTYPES.get(detail[0], detail[0]), value, path, owner)
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise _wrong(path, owner, "a sequence", value)
    return [_value(types, desc, item, f"{path}[{i}]", owner) for i, item in enumerate(value)]


def _numbers(dtype: str, value: object, path: str, owner: str) -> npt.NDArray[Any]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        array = np.frombuffer(value, np.uint8)
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise _wrong(path, owner, f"an array of {dtype}", value) from error
    if array.ndim != 1:
        raise ConfigError(
            f"`{path}` of {owner} is an array of one dimension, got shape {array.shape}; "
            "pass `array.reshape(-1)`."
        )
    if array.size == 0:
        return np.zeros(0, dtype)
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    if not _fits(array, np.dtype(dtype)):
        raise _wrong(path, owner, f"an array of {dtype}", value)
    return array.astype(dtype)


def _fits(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Say whether numbers are of a kind that a field takes, and in its range."""
    if dtype.kind == "f":
        if array.dtype.kind not in "iuf":
            return False
        return dtype.itemsize > 4 or bool(np.all((abs(array) <= _LARGEST) | ~np.isfinite(array)))
    if dtype.kind not in "iu" or array.dtype.kind not in "iu":
        return False
    bounds = np.iinfo(dtype)
    return bool(array.min() >= bounds.min and array.max() <= bounds.max)


def _default(types: MessageTypes, desc: _Desc) -> Any:
    kind, detail = desc
    if kind == Nodetype.NAME:
        return build(types, detail, {})
    if kind == Nodetype.BASE:
        name = detail[0]
        if name in ("string", "wstring"):
            return ""
        return False if name == "bool" else 0.0 if name.startswith("float") else 0
    (element_kind, element), size = detail
    count = size if kind == Nodetype.ARRAY else 0
    if element_kind == Nodetype.BASE and element[0] != "string":
        return np.zeros(count, _DTYPES.get(element[0], element[0]))
    return [_default(types, (element_kind, element)) for _ in range(count)]


def _an(name: str) -> str:
    return f"a {name}" if name.startswith("u") else f"an {name}"


def _wrong(path: str, owner: str, rule: str, value: object) -> ConfigError:
    return ConfigError(f"`{path}` of {owner} must be {rule}, got {_shown(value)}.")


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({type(value).__name__})"
