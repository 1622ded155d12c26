# Copyright 2026 Kibble contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""ROS messages of field names and values, as :mod:`kibble.rewards.ros.transport` sends them."""

from __future__ import annotations

import array
import importlib
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import cast

import numpy as np

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.transport import Fields

__all__ = ["build_message", "fill_message", "find_type"]

# A field's type as rclpy's classes give it: double, string<10>, sequence<uint8>,
# sequence<geometry_msgs/Point, 3>, double[36], builtin_interfaces/Time.
_SEQUENCE = re.compile(r"sequence<(?P<entry>.+?)(?:, *(?P<most>\d+))?>")
_ARRAY = re.compile(r"(?P<entry>.+)\[(?P<length>\d+)\]")
_TYPECODES = {  # of array.array, which is what rclpy takes for sequences without copying
    "float": "f",
    "double": "d",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
}


@cache
def find_type(type_name: str) -> type:
    """Import the class of a message or service.

    Args:
        type_name: As ROS writes it, for example ``sensor_msgs/msg/Image``.

    Raises:
        ConfigError: If it has another form, or no such type was built here.
    """
    package, kind, name = (*type_name.split("/"), "", "")[:3]
    try:
        if kind not in ("msg", "srv") or type_name.count("/") != 2:
            raise ImportError("the form is package/msg/Name or package/srv/Name")
        return cast("type", getattr(importlib.import_module(f"{package}.{kind}"), name))
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"`type_name` must be a ROS type that is built here, got {type_name!r} ({error}); "
            f"install or build the package {package!r} and source its setup file."
        ) from error


def build_message(message_class: type, fields: Fields, *, place: str = "") -> object:
    """Make a message; fields that are left out keep ROS's default.

    Args:
        message_class: Of rclpy.
        fields: Field name to value.
        place: Where the message lies in another one, for errors.

    Raises:
        ConfigError: If a field is unknown or its value does not fit.
    """
    return fill_message(message_class(), fields, place=place)


def fill_message(message: object, fields: Fields, *, place: str = "") -> object:
    """Set fields of a message and return it; see :func:`build_message`."""
    types = _field_types(message)
    place = place or type(message).__name__
    if not isinstance(fields, Mapping):
        raise ConfigError(f"{place} must be a mapping of field names to values, got {fields!r}.")
    for name, value in fields.items():
        if name not in types:
            raise ConfigError(f"{place} has no field {name!r}; it has {', '.join(types)}.")
        setattr(message, name, _value(types[name], value, f"{place}.{name}"))
    return message


def _field_types(message: object) -> Mapping[str, str]:
    typed = message.get_fields_and_field_types()  # type: ignore[attr-defined]  # of rosidl
    return cast("Mapping[str, str]", typed)


def _value(kind: str, value: object, place: str) -> object:
    if match := _ARRAY.fullmatch(kind):
        return _entries(match["entry"], value, place, length=int(match["length"]))
    if match := _SEQUENCE.fullmatch(kind):
        return _entries(match["entry"], value, place)
    return _scalar(kind)(value, place)


def _scalar(kind: str) -> Callable[[object, str], object]:
    if kind == "octet":
        return lambda value, place: bytes([_integer("uint8", value, place)])
    if kind == "boolean" or kind in _TYPECODES:
        return lambda value, place: _number(kind, value, place)
    if kind.startswith(("string", "wstring")):
        return _text
    return lambda value, place: build_message(_class_of(kind), cast("Fields", value), place=place)


def _number(kind: str, value: object, place: str) -> object:
    if kind in ("boolean", "float", "double"):
        if not isinstance(value, (bool, int, float, np.bool_, np.number)):
            raise ConfigError(f"{place} must be a {kind}, got {_short(value)}.")
        return bool(value) if kind == "boolean" else float(value)
    return _integer(kind, value, place)


def _integer(kind: str, value: object, place: str) -> int:
    limits = np.iinfo(kind)
    try:
        number = operator.index(cast("int", value))
    except TypeError:
        number = limits.max + 1
    if not limits.min <= number <= limits.max:
        raise ConfigError(
            f"{place} must be an integer in [{limits.min}, {limits.max}], got {_short(value)}."
        )
    return number


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{place} must be a string, got {_short(value)}.")
    return value


def _entries(kind: str, value: object, place: str, *, length: int | None = None) -> object:
    if kind in _TYPECODES:
        return _numbers(kind, value, place, length)
    if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
        raise ConfigError(f"{place} must be a sequence of {kind}, got {_short(value)}.")
    if length is not None and len(value) != length:
        raise ConfigError(f"{place} must have {length} entries, got {len(value)}.")
    make = _scalar(kind)
    return [make(entry, f"{place}[{index}]") for index, entry in enumerate(value)]


def _numbers(kind: str, value: object, place: str, length: int | None) -> object:
    dtype = np.dtype(_TYPECODES[kind])
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = np.frombuffer(value, np.uint8)
    numbers = np.asarray(value)  # (n,)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iufb"):
        raise ConfigError(f"{place} must be a row of {kind}, got {_short(value)}.")
    given, numbers = numbers, np.ascontiguousarray(numbers, dtype=dtype)
    # Whole numbers must come through as they are; floats may lose digits.
    if dtype.kind in "iu" and given.dtype != dtype and not np.array_equal(given, numbers):
        raise ConfigError(f"{place} must hold numbers that fit {kind}, got {_short(value)}.")
    if length is not None:
        if len(numbers) != length:
            raise ConfigError(f"{place} must have {length} entries, got {len(numbers)}.")
        return numbers
    message_array = array.array(_TYPECODES[kind])
    message_array.frombytes(numbers.view(np.uint8).data)
    return message_array


def _class_of(kind: str) -> type:
    package, name = kind.split("/")
    return find_type(f"{package}/msg/{name}")


def _short(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"
