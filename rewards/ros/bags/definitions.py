"""Turns a bag's raw messages into objects, by the definitions that the bag itself holds."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import final

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.serde import SerdeError
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)
from rosbags.typesys.store import Typestore

from kibble.rewards.errors import BagError
from kibble.rewards.ros.dds.message_types import message_types

__all__ = ["Definitions", "own_definition"]

_RULE = f"{'=' * 80}\n"
_NONSENSE = (
    *(ValueError, LookupError, TypeError, AssertionError),
    *(OverflowError, MemoryError, RecursionError, struct.error),
)


@final
class Definitions:
    """Decodes messages; a type is looked at when the first of its messages is asked for.

    Types that nobody asks for may be unknown or badly defined. Where a bag has no definition,
    ROS 2 Jazzy's and this project's are taken.
    """

    def __init__(self) -> None:
        self._decoders: dict[str, Callable[[bytes], object]] = {}

    def decode(self, raw: bytes, connection: Connection) -> object:
        """Return the message.

        Args:
            raw: CDR, with its four bytes of header.
            connection: Where it comes from.

        Raises:
            BagError: If the type has no definition, or the bytes do not follow it.
        """
        name = connection.msgtype
        decoder = self._decoders.get(name)
        if decoder is None:
            decoder = self._decoders[name] = _decoder(connection)
        try:
            return decoder(raw)
        # what rosbags' generated code raises of bytes that are too few or make no sense
        except (SerdeError, *_NONSENSE) as error:
            raise BagError(
                f"A message on '{connection.topic}' must be a {name}, got {len(raw)} bytes that "
                f"are none ({type(error).__name__}: {error}); the bag is damaged, or was written "
                "with another definition of the type."
            ) from error


def own_definition(connection: Connection) -> Typestore | None:
    """Return the types that a bag itself defines for a connection, or None where it has none.

    Raises:
        BagError: If the definition cannot be read.
    """
    definition = connection.msgdef
    if definition.format == MessageDefinitionFormat.NONE or not definition.data:
        return None
    store = get_typestore(Stores.EMPTY)
    try:
        if definition.format == MessageDefinitionFormat.MSG:
            store.register(get_types_from_msg(definition.data, connection.msgtype))
        elif definition.data.startswith(f"{_RULE}IDL: "):
            for part in definition.data.split(_RULE)[1:]:
                store.register(get_types_from_idl(part.partition("\n")[2]))
        else:
            store.register(get_types_from_idl(definition.data))
        store.get_msgdef(connection.msgtype)  # compiles its codec
    # what rosbags raises of types that are not defined, or not as it understands them
    except (TypesysError, *_NONSENSE) as error:
        raise BagError(
            f"The definition of {connection.msgtype} in the bag must be readable, got "
            f"{type(error).__name__}: {error}; record the topic again."
        ) from error
    return store


def _decoder(connection: Connection) -> Callable[[bytes], object]:
    name = connection.msgtype
    store = own_definition(connection)
    if store is None:
        types = message_types()
        if name not in types.store.fielddefs:
            raise BagError(
                f"Topic '{connection.topic}' must have a known type, got {name}, which the bag "
                "does not define either; record it with ROS 2 Iron or later, which writes "
                "definitions into bags."
            )
        return lambda raw: types.decode(raw, name)
    return lambda raw: store.deserialize_cdr(raw, name)
