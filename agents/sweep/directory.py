"""Where the parts of a sweep lie, and who may work there."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kibble.rewards.errors import CheckpointError

__all__ = ["SweepDirectory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDirectory:
    """The directory of a sweep.

    Args:
        path: The directory.
    """

    path: Path

    @property
    def words(self) -> Path:
        """The grids that have been asked for, newest last."""
        return self.path / "sweep.json"

    @property
    def runs(self) -> Path:
        """One run directory each."""
        return self.path / "runs"

    @property
    def records(self) -> Path:
        """One record of each run."""
        return self.path / "records"

    @property
    def logs(self) -> Path:
        """What each run wrote to its standard output and error."""
        return self.path / "logs"

    @property
    def plots(self) -> Path:
        """Pictures of the report."""
        return self.path / "plots"

    def load_words(self) -> list[list[str]]:
        """Read the grids that have been asked for.

        Raises:
            CheckpointError: If this is no sweep, or its file is damaged.
        """
        try:
            tree = json.loads(self.words.read_text(encoding="utf-8"))
            return [[str(word) for word in words] for words in tree["grids"]]
        except FileNotFoundError as error:
            raise CheckpointError(
                f"The directory of a sweep must hold sweep.json, got '{self.path}' without it; "
                "give the directory that `kibble sweep` printed."
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"'{self.words}' must hold the words of a sweep, but it does not: {error}; "
                "restore the file, or give the words again in another directory."
            ) from error

    def add_words(self, words: Sequence[str]) -> None:
        """Remember a grid, unless it is known."""
        known = self.load_words() if self.words.exists() else []
        if list(words) in known:
            return
        aside = self.words.with_suffix(".unfinished")
        aside.write_text(json.dumps({"grids": [*known, list(words)]}, indent=1) + "\n")
        aside.replace(self.words)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second sweep out while this one works here; the end of the process unlocks.

        Raises:
            CheckpointError: If another process works here.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CheckpointError(
                    f"Only one sweep must work in a directory, got '{self.path}', where another "
                    "is at work; wait for it, stop it, or choose another out."
                ) from error
            yield
