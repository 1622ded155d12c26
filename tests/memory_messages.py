"""ROS messages for the transport in memory: rosbags' classes, checked as strictly as on a wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import numpy as np

from kibble.rewards.errors import ConfigError

_DTYPES = {"byte": "uint8", "char": "uint8", "octet": "uint8"}


@cache
def types():
    """Return rosbags' types of ROS 2 with this project's and ``std_srvs``' beside them."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    found = {}
    texts = {"std_srvs/srv/Trigger": "---\nbool success\nstring message"}
    for entry in resources.files("kibble.rewards.ros.definitions").iterdir():
        stem, _, kind = entry.name.partition(".")
        if kind in ("msg", "srv"):
            texts[f"kibble_msgs/{kind}/{stem}"] = entry.read_text()
    for name, text in texts.items():
        if "/srv/" in name:
            request, _, response = text.partition("---")
            for part, definition in (("Request", request), ("Response", response)):
                parsed = get_types_from_msg(definition, "kibble_msgs/msg/Part")
                found[f"{name}_{part}"] = parsed["kibble_msgs/msg/Part"]
        else:
            found.update(get_types_from_msg(text, name))
    store.register(found)
    return store


def build(type_name: str, fields: Mapping[str, object]):
    """Return a message with these fields, the others ROS's default; refuse what does not fit."""
    store = types()
    if type_name not in store.types:
        raise ConfigError(f"`type_name` must be a known ROS type, got {type_name!r}.")
    known = dict(store.get_msgdef(type_name).fields)
    for name in fields:
        if name not in known:
            raise ConfigError(f"{type_name} has no field {name!r}; it has {sorted(known)}.")
    values = {
        name: _value(f"{type_name}.{name}", kind, fields.get(name)) for name, kind in known.items()
    }
    return store.types[type_name](**values)


def _value(place, kind, given):
    from rosbags.interfaces import Nodetype

    node, rest = kind
    if node == Nodetype.NAME:
        if given is not None and not isinstance(given, Mapping):
            raise ConfigError(f"{place} must be a mapping, got {given!r}.")
        return build(rest, given or {})
    if node == Nodetype.BASE:
        return _number(place, rest[0], given)
    (inner, inner_rest), length = rest
    length = length if node == Nodetype.ARRAY else None
    if given is None:
        given = () if length is None else [None] * length
    if length is not None and len(given) != length:
        raise ConfigError(f"{place} must have {length} entries, got {len(given)}.")
    if inner == Nodetype.BASE and inner_rest[0] != "string":
        if isinstance(given, bytes | bytearray | memoryview):
            given = np.frombuffer(given, np.uint8)
        given = [0] * length if len(given) and given[0] is None else given
        array = np.asarray(given, dtype=_DTYPES.get(inner_rest[0], inner_rest[0])).copy()
        array.flags.writeable = False
        return array
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray):
        raise ConfigError(f"{place} must be a sequence, got {given!r}.")
    return [_value(place, (inner, inner_rest), entry) for entry in given]


def _number(place, base, given):
    if base == "string":
        if not isinstance(given, str | None):
            raise ConfigError(f"{place} must be a string, got {given!r}.")
        return given or ""
    if given is None:
        given = 0
    if isinstance(given, str | Mapping):
        raise ConfigError(f"{place} must be a {base}, got {given!r}.")
    if base == "bool":
        return bool(given)
    if base.startswith("float"):
        return float(np.dtype(base).type(given))
    limits = np.iinfo(_DTYPES.get(base, base))
    if int(given) != given or not limits.min <= given <= limits.max:
        raise ConfigError(f"{place} must be a {base}, got {given!r}.")
    return int(given)
