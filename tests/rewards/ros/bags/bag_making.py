"""Bags by rosbags' own writer, and images that tell which of them they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg
from tests.memory_messages import build, types

from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.images import IMAGE, encode

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
REWARD = "kibble_msgs/msg/Reward"
COMMAND = "kibble_msgs/msg/EpisodeCommand"
STRING = "std_msgs/msg/String"


def at(seconds: float) -> int:
    """Return a time in ns, so many seconds after the first of a bag."""
    return START + round(seconds * SECOND)


def image(topic, seconds, value=0, *, size=(24, 32), stamp=None, late=0.002, **changed):
    """Make an image of one grey value, recorded a little after its stamp."""
    stamp = at(seconds) if stamp is None else stamp
    fields = encode(np.full((*size, 3), value, np.uint8), stamp=stamp) | changed
    return topic, IMAGE, at(seconds + late), fields


def text(topic, seconds, said):
    return topic, STRING, at(seconds), {"data": said}


def reward(seconds, episode, state, *, outcome=0, task="", topic="/node/reward"):
    fields = {
        "header": {"stamp": stamp_fields(at(seconds))},
        "task": task,
        "episode": episode,
        "episode_state": state,
        "outcome": outcome,
    }
    return topic, REWARD, at(seconds + 0.02), fields


def command(seconds, what, *, instruction="", outcome=0, stamped=True):
    fields = {"command": what, "instruction": instruction, "outcome": outcome}
    if stamped:
        fields["stamp"] = stamp_fields(at(seconds))
    return "/kibble/human", COMMAND, at(seconds + 0.001), fields


def write_bag(path, messages, *, sqlite=False, compression="none", definitions=None):
    """Write a folder as `ros2 bag record` does.

    Args:
        path: The folder.
        messages: Topic, type, time in ns, and fields or raw bytes, of each.
        sqlite: Whether it is SQLite instead of MCAP.
        compression: none, file, message or storage.
        definitions: Type to its text, for types that are not known.
    """
    store = types()
    writer = Writer(
        path, version=9, storage_plugin=StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    )
    writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    known = {}
    with writer:
        for topic, kind, time, fields in messages:
            if (topic, kind) not in known:
                given = (definitions or {}).get(kind)
                how = {"typestore": store}
                if given is not None:
                    how = {"msgdef": given, "rihs01": f"RIHS01_{'1' * 64}"}
                known[topic, kind] = writer.add_connection(topic, kind, **how)
            raw = fields
            if not isinstance(fields, bytes):
                raw = store.serialize_cdr(build(kind, fields), kind)
            writer.write(known[topic, kind], time, raw)
    return path


def bare(folder: Path) -> Path:
    """Return the one file of a bag's folder."""
    (found,) = (path for path in folder.iterdir() if path.suffix in (".mcap", ".db3"))
    return found


def parsed(definition, name):
    """Check that a definition can be read, and return it."""
    assert get_types_from_msg(definition, name)
    return definition


def two_views(count=10, *, late=0.004):
    """Return images of two cameras at 10 Hz, the second's stamps a little later."""
    messages = []
    for number in range(count):
        messages += [
            image("/camera/front/image_raw", number / 10, number),
            image("/camera/side/image_raw", number / 10 + late, 100 + number),
        ]
    return messages
