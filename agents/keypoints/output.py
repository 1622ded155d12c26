"""Where the results of ``kibble keypoints`` are written."""

from __future__ import annotations

import itertools
from pathlib import Path

from kibble.rewards.errors import ConfigError

__all__ = ["free_file"]


def free_file(out: str | None, *, stem: str, ending: str, overwrite: bool) -> Path:
    """Choose a file that may be written.

    Args:
        out: What the user named, or ``None``.
        stem: Name without ending where nobody named one; a number is added if it is taken.
        ending: Such as ``".yaml"``.
        overwrite: Whether an existing file may be replaced.

    Raises:
        ConfigError: If the named file exists.
    """
    if out is not None:
        path = Path(out)
        if path.is_dir() or (path.exists() and not overwrite):
            raise ConfigError(
                f"`out` must name a new file, got '{path}', which exists; choose another name, or "
                "add overwrite=true. Nothing was changed."
            )
        return path
    first = Path(f"{stem}{ending}")
    if overwrite:
        return first
    numbered = (Path(f"{stem}-{number}{ending}") for number in itertools.count(2))
    return next(path for path in itertools.chain([first], numbered) if not path.exists())
