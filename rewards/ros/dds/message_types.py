"""Message types by name: ROS's own, this project's, and their hashes."""

from __future__ import annotations

import functools
import os
import threading
from typing import Any, final

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.definitions.reading import message_texts

__all__ = ["MessageTypes", "message_types"]

_PLACEHOLDER = [("structure_needs_at_least_one_member", (Nodetype.BASE, ("uint8", 0)))]
"""What ROS sends for a message without fields."""
_GID = "rmw_dds_common/msg/Gid"


@final
class MessageTypes:
    """Every message type that is known, with its codec.

    Args:
        store: Where rosbags keeps them.
    """

    def __init__(self, store: Typestore) -> None:
        self.store = store
        self._lock = threading.Lock()

    def check(self, type_name: str) -> str:
        """Return the name of a type if it is known.

        Raises:
            ConfigError: If it is not.
        """
        if type_name not in self.store.fielddefs:
            package = type_name.partition("/")[0]
            known = sorted(name for name in self.store.fielddefs if name.startswith(f"{package}/"))
            raise ConfigError(
                f"`type_name` must name a message that is known without ROS, for example "
                f"sensor_msgs/msg/Image, got {type_name!r}; known of {package}: "
                f"{', '.join(known) or 'none'}."
            )
        return type_name

    def hash_of(self, type_name: str) -> str:
        """Return a type's hash as ROS computes it (``RIHS01_…``, REP 2011)."""
        return str(self.store.hash_rihs01(type_name))

    def encode(self, message: object, type_name: str) -> bytes:
        """Return a message as CDR with its four bytes of header."""
        with self._lock:  # the first use of a type compiles its codec
            self.store.get_msgdef(type_name)
        return bytes(self.store.serialize_cdr(message, type_name))

    def decode(self, raw: bytes, type_name: str) -> object:
        """Return the message in CDR bytes; its arrays share their memory.

        Raises:
            rosbags.serde.SerdeError: If they are not a message of this type.
        """
        with self._lock:
            self.store.get_msgdef(type_name)
        return self.store.deserialize_cdr(raw, type_name)


@functools.cache
def message_types() -> MessageTypes:
    """Return the types of ROS 2 Jazzy and of this project.

    The messages that this project uses are the same from Humble to Kilted, but for the one that
    announces nodes, whose identifiers are longer in Humble: there `ROS_DISTRO=humble` has to be
    set, as a sourced ROS sets it. A peer whose definition differs is refused by its hash.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    if os.environ.get("ROS_DISTRO") == "humble":
        store.fielddefs[_GID] = get_typestore(Stores.ROS2_HUMBLE).fielddefs[_GID]
    types: dict[str, Any] = {}
    for name, text in message_texts().items():
        package, _, bare = name.split("/")
        parsed = get_types_from_msg(text, f"{package}/msg/{bare}")
        constants, fields = parsed[f"{package}/msg/{bare}"]
        types[name] = (constants, fields or _PLACEHOLDER)
    store.register(types)
    for name, (constants, fields) in store.fielddefs.items():
        store.fielddefs[name] = (constants, [(field, _as_in_ros(desc)) for field, desc in fields])
    return MessageTypes(store)


def _as_in_ros(desc: Any) -> Any:
    """Return a field's description with ``char`` as the uint8 that it is in ROS's hashes."""
    kind, detail = desc
    if kind == Nodetype.BASE:
        return (kind, ("uint8", 0)) if detail[0] == "char" else desc
    if kind == Nodetype.NAME:
        return desc
    element, size = detail
    return (kind, (_as_in_ros(element), size))
