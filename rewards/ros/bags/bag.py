"""A recorded bag: its topics, and its messages one after another."""

from __future__ import annotations

import heapq
import re
import struct
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import final

import apsw
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError

from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.definitions import Definitions
from kibble.rewards.ros.bags.mended_mcap import MendedMcap, is_whole

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Bag", "BagMessage", "Topic"]

_ENDINGS = (".mcap", ".db3")
_PART = re.compile(r"(.+)_(\d+)")  # how recorders name the files of one bag

# What rosbags and the libraries below it raise of files that are damaged.
_DAMAGE = (
    *(ReaderError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError),
    *(RuntimeError, AssertionError, struct.error, apsw.Error, zstd.ZstdError),
)


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
            except _DAMAGE as error:
                raise BagError(
                    f"A bag must be whole, got '{self.path}' that is damaged after {count} of "
                    f"these messages ({_said(error)}); copy it again, or run `mcap recover` or "
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
            self._open_files(_parts(self.path))
            self.warnings.append(
                "metadata.yaml is missing, as when a recording was killed; the files beside it "
                "were read."
            )
        else:
            try:
                self._add(Reader(self.path))
            except _DAMAGE as error:
                self.close()
                self._open_files(_parts(self.path))
                self.warnings.append(
                    f"metadata.yaml cannot be used ({_said(error)}); the files beside it were "
                    "read."
                )

    def _open_files(self, paths: Sequence[Path]) -> None:
        for path in paths:
            _check_file(path)
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
            except _DAMAGE as error:
                raise BagError(
                    f"A bag must be a whole MCAP or SQLite file of ROS 2, got '{path}' "
                    f"({_said(error)}); copy or record it again."
                ) from error

    def _add(self, reader: Reader) -> None:
        reader.open()
        self._readers.append(reader)


def _check_file(path: Path) -> None:
    if not path.exists():
        raise BagError(f"A bag must be a file or a folder, got nothing at '{path}'.")
    if path.suffix == ".bag":
        raise BagError(
            f"A bag must be of ROS 2, got '{path}', which is of ROS 1; convert it with "
            f"`rosbags-convert --src {path.name} --dst {path.stem}`."
        )
    if path.suffix not in _ENDINGS:
        raise BagError(
            f"A bag must end in {' or '.join(_ENDINGS)}, or be a folder with such files, got "
            f"'{path}'."
        )
    if path.stat().st_size == 0:
        raise BagError(f"A bag must hold messages, got the empty file '{path}'; record it again.")


def _parts(folder: Path) -> list[Path]:
    """Return the files of the one bag that a folder holds, in order."""
    paths = [path for path in folder.iterdir() if path.suffix in _ENDINGS and path.is_file()]
    if not paths:
        raise BagError(
            f"A folder with a bag must hold .mcap or .db3 files, got '{folder}' with none."
        )
    found = {path: _PART.fullmatch(path.stem) for path in paths}
    names = {path.stem if match is None else match[1] for path, match in found.items()}
    if len(paths) > 1 and (len(names) > 1 or None in found.values()):
        raise BagError(
            f"A folder without metadata.yaml must hold the files of one bag, got '{folder}' with "
            f"{', '.join(sorted(path.name for path in paths))}; name one of them."
        )
    return sorted(paths, key=lambda path: int((found[path] or [0, 0, 0])[2]))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
