"""Copies a bag into a new one, message by message, with further messages among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from rosbags.interfaces import Connection, MessageDefinition, MessageDefinitionFormat

from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.bags.definitions import own_definition
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.transport import Fields

__all__ = ["copy_bag", "free_topic"]

_NO_HASH = f"RIHS01_{'0' * 64}"


def free_topic(bag: Bag, name: str, *, besides: Collection[str] = ()) -> str:
    """Return a topic's name, with a number behind it where it is taken in the bag or besides."""
    taken = {topic.name for topic in bag.topics} | set(besides)
    number = 1
    while (free := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return free


def copy_bag(
    bag: Bag,
    target: Path,
    *,
    added: Mapping[str, Mapping[int, Fields]],
    type_name: str,
    beside: Collection[str],
    on_message: Callable[[int, int], object] = lambda count, total: None,
) -> None:
    """Copy every message byte for byte, and write one more beside each image that has one.

    Args:
        bag: What is copied.
        target: The new bag: ``.mcap``, ``.db3`` or a folder.
        added: New topic to messages by the stamp, in ns, of the image that they belong to. Each
            is recorded at the time of the first image with that stamp.
        type_name: Type of the new topics.
        beside: Topics of images.
        on_message: Called with the number of messages copied, and of all.

    Raises:
        BagError: If the source is damaged, or the target exists.
    """
    types = message_types()
    pending = {topic: dict(messages) for topic, messages in added.items()}
    total = bag.count
    with BagWriter(target) as writer:
        places: dict[tuple[str, str, object], Connection] = {}
        for connection in bag.connections:
            if _key(connection) not in places:
                places[_key(connection)] = writer.copy(_completed(connection))
        new = {topic: writer.add(topic, type_name) for topic in added}
        for count, message in enumerate(bag.messages(), 1):
            writer.write(places[_key(message.connection)], message.time, message.raw)
            if message.topic in beside:
                for topic, messages in pending.items():
                    fields = messages.pop(message.stamp, None)
                    if fields is not None:
                        raw = types.encode(build(types, type_name, fields), type_name)
                        writer.write(new[topic], message.time, raw)
            on_message(count, total)


def _key(connection: Connection) -> tuple[str, str, object]:
    return connection.topic, connection.msgtype, repr(connection.ext)


def _completed(connection: Connection) -> Connection:
    """Return a connection with definition and hash, which not every bag holds."""
    if connection.digest and connection.msgdef.format != MessageDefinitionFormat.NONE:
        return connection
    types, name = message_types(), connection.msgtype
    try:
        store = own_definition(connection)
        if store is not None:
            return connection._replace(digest=store.hash_rihs01(name))
    except BagError:
        return connection._replace(digest=connection.digest or _NO_HASH)
    text, digest = "", _NO_HASH
    if name in types.store.fielddefs:
        text, digest = types.store.generate_msgdef(name, ros_version=2)[0], types.hash_of(name)
    definition = MessageDefinition(MessageDefinitionFormat.MSG, text)
    return connection._replace(msgdef=definition, digest=connection.digest or digest)
