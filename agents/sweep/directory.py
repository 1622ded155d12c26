"""Where the parts of a sweep lie, and who may work there."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kibble.agents.sweep.record import Evaluation, read_evaluation
from kibble.rewards.errors import CheckpointError

__all__ = ["Asked", "SweepDirectory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What has been asked of a sweep so far.

    Args:
        grids: The words of ``kibble train`` of each call that brought some, newest last.
        evaluation: How runs are evaluated.
    """

    grids: tuple[tuple[str, ...], ...] = ()
    evaluation: Evaluation = field(default_factory=Evaluation)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDirectory:
    """The directory of a sweep.

    Args:
        path: The directory.
    """

    path: Path

    @property
    def asked(self) -> Path:
        """What has been asked of the sweep."""
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

    def load(self) -> Asked:
        """Read what has been asked of the sweep.

        Raises:
            CheckpointError: If this is no sweep, or its file is damaged.
        """
        try:
            tree = json.loads(self.asked.read_text(encoding="utf-8"))
            grids = tuple(tuple(str(word) for word in words) for words in tree["grids"])
            return Asked(grids=grids, evaluation=read_evaluation(tree["evaluation"]))
        except FileNotFoundError as error:
            raise CheckpointError(
                f"The directory of a sweep must hold sweep.json, got '{self.path}' without it; "
                "give the directory that `kibble sweep` printed."
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"'{self.asked}' must hold the words of a sweep, but it does not: {error}; "
                "restore the file, or give the words again in another directory."
            ) from error

    def save(self, asked: Asked) -> None:
        """Write down what has been asked, so that it is whole at any moment."""
        aside = self.asked.with_suffix(".unfinished")
        text = json.dumps(dataclasses.asdict(asked), indent=1) + "\n"
        aside.write_text(text, encoding="utf-8")
        aside.replace(self.asked)

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
