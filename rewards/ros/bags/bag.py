"""A recorded bag: its topics, and its messages one after another."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import final

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.bag_files import DAMAGE, bag_files, check_file, said
from kibble.rewards.ros.bags.definitions import Definitions
from kibble.rewards.ros.bags.mended_mcap import MendedMcap, is_whole

__all__ = ["Bag", "BagMessage", "Topic"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic of a bag.

    Args:
        name: Absolute, such as ``/camera/front/image_raw``.
        type_name: Such as ``sensor_msgs/msg/Image``.
        count: Messages on it.
    """

    name: str
    type_name: str
    count: int


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BagMessage:
    """A message as it was recorded.

    Args:
        connection: Topic, type, definition and quality of service, as rosbags has them.
        time: When it was recorded, ns since the epoch.
        raw: CDR, with its four bytes of header.
    """

    connection: Connection
    time: int
    raw: bytes

    @property
    def topic(self) -> str:
        """Name of its topic."""
        return self.connection.topic

    @property
    def stamp(self) -> int:
        """Stamp of its header, ns since the epoch, or when it was recorded where that is zero.

        For types that begin with a ``std_msgs/Header`` only: it is read without the rest.
        """
        if len(self.raw) < 12:
            return self.time
        order = "<" if self.raw[1] & 1 else ">"  # by the header of CDR
        seconds, fraction = struct.unpack_from(f"{order}iI", self.raw, 4)
        return int(seconds) * 1_000_000_000 + int(fraction) or self.time


@final
class Bag:
    """A bag that is open for reading: a context manager.

    Takes ``.mcap`` and ``.db3`` files and the folders that ``ros2 bag record`` makes, compressed
    or not. Messages are read from disk as they are asked for. A folder without a readable
    ``metadata.yaml`` is read by the files in it, and an MCAP file whose end is missing up to where
    it breaks off; :attr:`warnings` says so.

    Args:
        path: The file or folder.

    Raises:
        BagError: If there is no bag, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._definitions = Definitions()
        self._readers: list[Reader] = []
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        self.connections: tuple[Connection, ...] = tuple(
            connection for reader in self._readers for connection in reader.connections
        )
        if not any(connection.msgcount for connection in self.connections):
            self.close()
            raise BagError(f"A bag must hold messages, got '{path}' with none; record it again.")

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Its topics, by name."""
        counts: dict[tuple[str, str], int] = {}
        for connection in self.connections:
            key = connection.topic, connection.msgtype
            counts[key] = counts.get(key, 0) + connection.msgcount
        return tuple(
            Topic(name=name, type_name=kind, count=count)
            for (name, kind), count in sorted(counts.items())
        )

    @property
    def start(self) -> int:
        """When its first message was recorded, ns since the epoch."""
        return min(reader.start_time for reader in self._readers if reader.message_count)

    @property
    def stop(self) -> int:
        """After its last message was recorded, ns since the epoch."""
        return max(reader.end_time for reader in self._readers)

    @property
    def count(self) -> int:
        """How many messages it holds."""
        return sum(connection.msgcount for connection in self.connections)

    def topics_of(self, *types: str) -> tuple[str, ...]:
        """Return the names of the topics of these types that have messages."""
        return tuple(
            topic.name for topic in self.topics if topic.type_name in types and topic.count
        )

    def messages(
        self,
        topics: Collection[str] | None = None,
        *,
        start: int | None = None,
        stop: int | None = None,
    ) -> Iterator[BagMessage]:
        """Yield messages in the order in which they were recorded.

        Args:
            topics: Names of those wanted, or ``None`` for all.
            start: Earliest time of recording, ns since the epoch, or ``None``.
            stop: Time of recording that is too late, likewise.

        Raises:
            BagError: If the bag is damaged from some place on.
        """
        streams = []
        for reader in self._readers:
            wanted = [c for c in reader.connections if topics is None or c.topic in topics]
            if wanted:
                streams.append(reader.messages(wanted, start, stop))
        merged = heapq.merge(*streams, key=lambda item: item[1])
        count = 0
        while True:
            try:
                connection, time, raw = next(merged)
            except StopIteration:
                return
            except DAMAGE as error:
                raise BagError(
                    f"A bag must be whole, got '{self.path}' that is damaged after {count} of "
                    f"these messages ({said(error)}); copy it again, or run `mcap recover` or "
                    "`ros2 bag convert` on it."
                ) from error
            count += 1
            yield BagMessage(connection=connection, time=time, raw=raw)

    def decode(self, message: BagMessage) -> object:
        """Return the message with the attributes of its ROS type.

        Raises:
            BagError: If its type is not known, or its bytes make no sense.
        """
        return self._definitions.decode(message.raw, message.connection)

    def close(self) -> None:
        """Close its files; doing so twice does nothing."""
        readers, self._readers = self._readers, []
        for reader in readers:
            if reader.is_open:
                reader.close()

    def __enter__(self) -> Bag:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> None:
        if not self.path.is_dir():
            self._open_files([self.path])
        elif not (self.path / "metadata.yaml").is_file():
            self._open_files(bag_files(self.path))
            self.warnings.append(
                "metadata.yaml is missing, as when a recording was killed; the files beside it "
                "were read."
            )
        else:
            try:
                self._add(Reader(self.path))
            except DAMAGE as error:
                self.close()
                self._open_files(bag_files(self.path))
                self.warnings.append(
                    f"metadata.yaml cannot be used ({said(error)}); the files beside it were read."
                )

    def _open_files(self, paths: Sequence[Path]) -> None:
        for path in paths:
            check_file(path)
            mended = None
            if path.suffix == ".mcap" and not is_whole(path):
                mended = MendedMcap(path)
                self.warnings.append(
                    f"'{path.name}' has no end, as when a recording was killed; "
                    f"{mended.lost} bytes at the end were left out."
                )
            journal = path.with_name(f"{path.name}-wal")
            if journal.is_file() and journal.stat().st_size:
                self.warnings.append(
                    f"What '{journal.name}' holds was not read; run `sqlite3 {path.name} 'PRAGMA "
                    "wal_checkpoint'` first, if messages are missing."
                )
            try:
                self._add(Reader(path if mended is None else mended))  # type: ignore[arg-type]  # as much of a path as it uses
            except DAMAGE as error:
                raise BagError(
                    f"A bag must be a whole MCAP or SQLite file of ROS 2, got '{path}' "
                    f"({said(error)}); copy or record it again."
                ) from error

    def _add(self, reader: Reader) -> None:
        reader.open()
        self._readers.append(reader)
