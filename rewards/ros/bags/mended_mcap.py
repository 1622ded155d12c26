"""An MCAP file whose end is missing, as if it had one: what a recorder leaves that was killed."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, final

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["MendedMcap", "is_whole"]

_MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")  # opcode and length
_CHUNK = struct.Struct("<QQQII")  # first and last time, size, checksum, length of compression
_CHUNK_RECORD, _INDEX_RECORD, _LAST_OPCODE = 0x06, 0x07, 0x0F
_DATA_END, _FOOTER, _CHUNK_INDEX, _STATISTICS = 0x0F, 0x02, 0x08, 0x0B


def is_whole(path: Path) -> bool:
    """Whether an MCAP file ends as it should."""
    with path.open("rb") as file:
        file.seek(0, io.SEEK_END)
        if file.tell() < 2 * len(_MAGIC):
            return False
        file.seek(-len(_MAGIC), io.SEEK_END)
        return file.read() == _MAGIC


@final
class MendedMcap:
    """Looks to rosbags like a whole file; nothing is written or copied.

    Records up to the first that is cut off are followed by an index of the chunks among them. A
    chunk whose own index is cut off is left out, at most a second or so of images.

    Args:
        path: The file.

    Source: MCAP format specification, https://mcap.dev/spec.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept, self._tail = _mend(path)
        self.lost = path.stat().st_size - self.kept

    @property
    def stem(self) -> str:
        """Name of the file without its ending."""
        return self._path.stem

    @property
    def suffix(self) -> str:
        """Ending of the file's name."""
        return self._path.suffix

    def exists(self) -> bool:
        """Whether the file is there."""
        return self._path.exists()

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return False

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open it for reading."""
        return io.BufferedReader(_Joined(self._path, self.kept, self._tail))


class _Joined(io.RawIOBase):
    """The beginning of a file, and bytes that follow it."""

    def __init__(self, path: Path, kept: int, tail: bytes) -> None:
        self._file = path.open("rb")
        self._kept, self._tail, self._place = kept, tail, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place}
        self._place = offset + start.get(whence, self._kept + len(self._tail))
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Buffer) -> int:
        wanted = memoryview(buffer).cast("B")
        if self._place < self._kept:
            self._file.seek(self._place)
            data = self._file.read(min(len(wanted), self._kept - self._place))
        else:
            begin = self._place - self._kept
            data = self._tail[begin : begin + len(wanted)]
        wanted[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _mend(path: Path) -> tuple[int, bytes]:
    """Return how many bytes of a file are whole records, and the end that it lacks."""
    chunks: list[bytes] = []
    kept = len(_MAGIC)
    with path.open("rb") as file:
        chunk: tuple[int, int] | None = None  # where it starts and stops, until its indices end
        indices: list[int] = []
        size = path.stat().st_size
        for opcode, start, length in _records(file, size):
            stop = start + _RECORD.size + length
            if chunk is not None and opcode == _INDEX_RECORD:
                if stop > size:
                    break
                indices.append(start)
                continue
            if chunk is not None:
                chunks.append(_chunk_index(file, *chunk, start, indices))
                kept, chunk, indices = start, None, []
            if opcode == _DATA_END or stop > size:
                break
            if opcode == _CHUNK_RECORD:
                chunk = start, stop
            else:
                kept = stop
    return kept, _ending(kept, chunks)


def _records(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield opcode, place and length of each record, up to the first that is cut off."""
    place = len(_MAGIC)
    while place + _RECORD.size <= size:
        file.seek(place)
        opcode, length = _RECORD.unpack(file.read(_RECORD.size))
        if not 0 < opcode <= _LAST_OPCODE:
            return
        yield opcode, place, length
        place += _RECORD.size + length


def _chunk_index(file: BinaryIO, start: int, stop: int, end: int, indices: list[int]) -> bytes:
    """Return the record that points to a chunk and to its indices."""
    file.seek(start + _RECORD.size)
    first, last, size, _, letters = _CHUNK.unpack(file.read(_CHUNK.size))
    compression = file.read(letters)
    (compressed,) = struct.unpack("<Q", file.read(8))
    offsets = b""
    for place in indices:
        file.seek(place + _RECORD.size)
        offsets += file.read(2) + struct.pack("<Q", place)
    body = struct.pack("<QQQQI", first, last, start, stop - start, len(offsets)) + offsets
    body += struct.pack("<QI", end - stop, letters) + compression
    return _record(_CHUNK_INDEX, body + struct.pack("<QQ", compressed, size))


def _ending(place: int, chunks: list[bytes]) -> bytes:
    """Return all that follows the data, at that place of the file."""
    data_end = _record(_DATA_END, bytes(4))
    summary = b"".join(chunks) + _record(_STATISTICS, bytes(46))  # zeros: rosbags counts anew
    footer = _record(_FOOTER, struct.pack("<QQI", place + len(data_end), 0, 0))
    return data_end + summary + footer + _MAGIC


def _record(opcode: int, body: bytes) -> bytes:
    return _RECORD.pack(opcode, len(body)) + body
