"""Which files make up a bag, and what is raised of those that are damaged."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import apsw
from rosbags.rosbag2 import ReaderError

from kibble.rewards.errors import BagError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["DAMAGE", "bag_files", "check_file", "said"]

DAMAGE = (
    *(ReaderError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError),
    *(OverflowError, MemoryError, RuntimeError, AssertionError),
    *(struct.error, apsw.Error, zstd.ZstdError),
)
"""What rosbags and the libraries below it raise of files that are damaged."""

_ENDINGS = (".mcap", ".db3")
_PART = re.compile(r"(.+)_(\d+)")  # how recorders name the files of one bag


def check_file(path: Path) -> None:
    """Check that a path names a file with a bag.

    Raises:
        BagError: If it does not.
    """
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


def bag_files(folder: Path) -> list[Path]:
    """Return the files of the one bag that a folder holds, in order.

    Raises:
        BagError: If there are none, or those of several bags.
    """
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


def said(error: BaseException) -> str:
    """Return an error in one line, with its kind."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
