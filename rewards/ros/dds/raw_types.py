"""Types of the cyclonedds package whose samples stay raw CDR bytes.

The package's own codec takes far longer than a robot's camera has; a class that hands bytes
through skips it. The full list of fields is declared all the same, so that peers of this package
with another definition do not match.
"""

from __future__ import annotations

import functools
from typing import Any

from cyclonedds.idl import IdlStruct, make_idl_struct
from cyclonedds.idl import types as idl
from rosbags.interfaces import Nodetype

from kibble.rewards.ros.dds.message_types import message_types

__all__ = ["dds_type_name", "raw_type", "service_type"]


def _keep(self: Any, raw: bytes) -> None:
    self.raw = raw


def _raw_of(self: Any, buffer: object = None, **_: object) -> bytes:
    raw: bytes = self.raw
    return raw


def _no_key(self: Any, **_: object) -> bytes:
    return b"\x00\x01\x00\x00"  # ROS's topics have none


def _take(cls: type[Any], /, data: bytes, **_: object) -> Any:
    return cls(data)


def dds_type_name(type_name: str) -> str:
    """Return a type's name as ROS maps it.

    >>> dds_type_name("sensor_msgs/msg/Image")
    'sensor_msgs::msg::dds_::Image_'
    """
    package, folder, name = type_name.split("/")
    return f"{package}::{folder}::dds_::{name}_"


@functools.cache
def raw_type(type_name: str) -> type[Any]:
    """Return the class of a message type's samples."""
    return _struct(type_name, _fields(type_name))


@functools.cache
def service_type(type_name: str) -> type[Any]:
    """Return the class of a request's or response's samples, which have a header in front."""
    header = {"client_guid": idl.uint64, "sequence": idl.int64}
    return _struct(type_name, header | _fields(type_name))


def _struct(type_name: str, fields: dict[str, Any]) -> type[Any]:
    made: type[Any] = _declared(type_name, fields)
    # These are the methods that a reader or writer calls. They are set and not inherited, because
    # a base class would become part of the type as other nodes see it.
    for name, method in (
        ("__init__", _keep),
        ("serialize", _raw_of),
        ("serialize_key", _no_key),
        ("deserialize", classmethod(_take)),
        ("deserialize_key", classmethod(_take)),
    ):
        setattr(made, name, method)
    return made


@functools.cache
def _nested(type_name: str) -> type[IdlStruct]:
    return _declared(type_name, _fields(type_name))


def _declared(type_name: str, fields: dict[str, Any]) -> type[IdlStruct]:
    dotted = dds_type_name(type_name).replace("::", ".")
    return make_idl_struct(dotted.rpartition(".")[2], dotted, fields, dataclassify=False)


def _fields(type_name: str) -> dict[str, Any]:
    definitions = message_types().store.fielddefs[type_name][1]
    return {name: _idl_type(desc) for name, desc in definitions}


def _idl_type(desc: Any) -> Any:
    kind, detail = desc
    if kind == Nodetype.NAME:
        return _nested(detail)
    if kind == Nodetype.BASE:
        name, limit = detail
        if name == "string":
            return idl.bounded_str[limit] if limit else str  # type: ignore[misc]  # made by hand
        if name == "bool":
            return bool
        return getattr(idl, {"byte": "uint8", "char": "uint8", "octet": "uint8"}.get(name, name))
    element, size = detail
    inner = _idl_type(element)
    if kind == Nodetype.ARRAY:
        return idl.array[inner, size]  # type: ignore[misc]  # the package subscripts by hand
    sequence: Any = idl.sequence
    return sequence[inner, size] if size else sequence[inner]
