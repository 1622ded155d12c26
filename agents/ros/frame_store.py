"""Frames on disk while an episode is put together, so that long ones need little memory."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FrameStore"]


@final
class FrameStore:
    """Takes the frames of one view one by one, and gives them back as one array.

    A context manager. The file has no name; it is gone when the store is closed and nobody has
    the array any more.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="kibble-frames-")  # noqa: SIM115  (closed on exit)
        self._shape: tuple[int, ...] = ()
        self._count = 0

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Add an (H, W, 3) uint8 frame, of the first one's size."""
        assert self._shape in ((), frame.shape)
        self._shape = frame.shape
        self._file.write(np.ascontiguousarray(frame).data)
        self._count += 1

    def frames(self) -> NDArray[np.uint8]:
        """Return (T, H, W, 3) uint8, read from disk as it is looked at."""
        self._file.flush()
        return np.memmap(self._file, dtype=np.uint8, mode="r", shape=(self._count, *self._shape))

    def __enter__(self) -> FrameStore:
        """Return the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()
