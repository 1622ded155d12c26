"""A bag that is written message by message."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, final

from rosbags.interfaces import Connection, ConnectionExtRosbag2, Qos
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from kibble.rewards.errors import BagError
from kibble.rewards.ros.dds.message_types import message_types

__all__ = ["BagWriter"]

_FORMAT_VERSION: Literal[8] = 8  # of metadata.yaml; the oldest that rosbags writes
_PLUGINS = {".mcap": StoragePlugin.MCAP, ".db3": StoragePlugin.SQLITE3, "": StoragePlugin.MCAP}


@final
class BagWriter:
    """Writes MCAP (``run.mcap``), SQLite (``run.db3``), or a folder as ``ros2 bag`` makes them.

    Messages go to disk as they come; memory stays as it is. A file is written in the folder
    ``<name>.part`` beside it and moved when it is whole: a file that has its name is whole. Of an
    MCAP bag whose writer was killed all but the last megabyte can be read, of a SQLite bag
    nothing. Only the thread that made it may write.

    Args:
        path: The file or, without an ending, the folder; must not exist.

    Raises:
        BagError: If the ending is another, or something is in the way.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix not in _PLUGINS:
            raise BagError(
                "A bag must be a file that ends in .mcap or .db3, or a folder without an ending, "
                f"got '{path}'."
            )
        self.path = path
        self._folder = path if path.suffix == "" else path.with_name(f"{path.name}.part")
        for taken in (path, self._folder):
            if taken.exists():
                raise BagError(
                    f"A new bag must not exist yet, got '{taken}'; remove or rename it."
                )
        self._writer = Writer(
            self._folder, version=_FORMAT_VERSION, storage_plugin=_PLUGINS[path.suffix]
        )
        self._writer.open()
        self._is_open = True

    def add(self, topic: str, type_name: str, *, qos: Sequence[Qos] = ()) -> Connection:
        """Add a topic of a type that is known without ROS.

        Args:
            topic: Its absolute name.
            type_name: Its type, for example ``sensor_msgs/msg/Image``.
            qos: As publishers offer it.

        Returns:
            What :meth:`write` takes.

        Raises:
            ConfigError: If the type is not known.
        """
        types = message_types()
        return self._writer.add_connection(
            topic, types.check(type_name), typestore=types.store, offered_qos_profiles=qos
        )

    def copy(self, connection: Connection) -> Connection:
        """Add a topic as it is in a bag that is read, with definition and hash, which it has."""
        assert isinstance(connection.ext, ConnectionExtRosbag2)
        return self._writer.add_connection(
            connection.topic,
            connection.msgtype,
            msgdef=connection.msgdef.data,
            rihs01=connection.digest,
            serialization_format=connection.ext.serialization_format,
            offered_qos_profiles=connection.ext.offered_qos_profiles,
        )

    def write(self, connection: Connection, time: int, raw: bytes | memoryview) -> None:
        """Write a message.

        Args:
            connection: Its topic, as :meth:`add` or :meth:`copy` gave it.
            time: When it was received, ns since the epoch.
            raw: CDR, with its four bytes of header.
        """
        self._writer.write(connection, time, raw)

    def close(self) -> None:
        """Complete the bag and give it its name; doing so twice does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._writer.close()
        if self._folder != self.path:
            whole = next(self._folder.glob(f"*{self.path.suffix}"))
            whole.rename(self.path)
            (self._folder / "metadata.yaml").unlink()
            self._folder.rmdir()

    def abandon(self) -> None:
        """Leave the bag unfinished, in the folder where it was written."""
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(WriterError, OSError):
                self._writer.abort()

    def discard(self) -> None:
        """Remove what was written of an unfinished bag."""
        if self._is_open:
            self.abandon()
            shutil.rmtree(self._folder)

    def __enter__(self) -> BagWriter:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the bag, or leave it unfinished after an error."""
        if error is None:
            self.close()
        else:
            self.abandon()
