"""The part that both buffers share: signals of their rows, and rewards derived from them."""

from __future__ import annotations

from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.agents.scoring.signal_columns import SignalColumns
from kibble.agents.scoring.source import Rescored, Scored, SignalSource
from kibble.rewards.errors import ShapingError
from kibble.rewards.rule import total
from kibble.rewards.signals import Signals

__all__ = ["KeptSignals"]


@final
class KeptSignals:
    """Signals of a buffer's B rows of N slots, each with the version of the model that read it.

    A row is one step of the environments and is known by that step's number. Its signals come when
    the step is scored, which may be before the row is added or long after.

    What a layer between the source and the agent added to the rewards, such as an exploration
    bonus, and what an algorithm added, such as PPO's value of the state where a time limit cut an
    episode, is the difference between the reward that is stored and the one that the source paid.
    It is kept apart and added to what is derived.

    Args:
        source: Where signals come from.
        rows: B.
        slots: N.
    """

    def __init__(self, source: SignalSource, *, rows: int, slots: int) -> None:
        self.source = source
        self._columns = SignalColumns(rows, slots, window=source.rule.window)
        self._numbers = np.full(rows, -1, np.int64)  # (B,) step of each row
        self._known = np.zeros((rows, slots), np.bool_)  # (B, N)
        self._extra = np.zeros((rows, slots), np.float32)  # (B, N)
        self._versions = np.zeros((rows, slots), np.int16)  # (B, N) places in _version_names
        self._version_names: list[str] = []
        self._rows: dict[int, int] = {}  # number to row
        self._newest: Scored | None = None
        self._unscored = 0  # rows that were added and not scored yet: the newest ones
        source.listeners.append(self._hear)
        source.followed = True

    @property
    def versions(self) -> dict[str, int]:
        """How many transitions each version of the model has read, of those that are scored."""
        counts = np.bincount(self._versions[self._known], minlength=len(self._version_names))
        return {
            name: int(count)
            for name, count in zip(self._version_names, counts, strict=True)
            if count
        }

    @property
    def unscored(self) -> int:
        """How many of the newest rows are not scored yet."""
        return self._unscored

    def add(self, row: int, rewards: NDArray[np.floating[Any]]) -> None:
        """Give a row to the newest step.

        Args:
            row: The row; what it held is forgotten.
            rewards: (N,) what the step was paid as the agent saw it.

        Raises:
            ShapingError: If the newest step has a row already.
        """
        number = self.source.newest
        if number in self._rows:
            raise ShapingError(
                f"A buffer that derives rewards must get each step once, got step {number} again; "
                "step the environments before adding, and give demonstrations to `demonstrate`."
            )
        if self._rows.pop(int(self._numbers[row]), None) is not None:
            self._unscored -= not self._known[row].all()
        self._numbers[row] = number
        self._rows[number] = row
        self._known[row] = False
        self._unscored += 1
        self._extra[row] = np.asarray(rewards, np.float64) - self.source.paid
        if self._newest is not None and self._newest.number == number:
            self._write(row, self._newest)

    def rewards(
        self, rows: NDArray[np.integer[Any]], slots: NDArray[np.integer[Any]]
    ) -> NDArray[np.float32]:
        """Derive the rewards of M transitions, (M,) float32; score them first where necessary."""
        signals = self.signals(rows, slots)
        derived = total(self.source.rule(signals)) + self._extra[rows, slots]
        return np.asarray(derived, np.float32)

    def signals(self, rows: NDArray[np.integer[Any]], slots: NDArray[np.integer[Any]]) -> Signals:
        """Return what M transitions are derived from; score them first where necessary."""
        if not self._known[rows, slots].all():
            self.source.settle()
            assert self._known[rows, slots].all(), "a settled source has scored every step"
        return self._columns.read(rows, slots)

    def clear(self) -> None:
        """Forget all rows."""
        self._numbers[:] = -1
        self._known[:] = False
        self._rows.clear()
        self._unscored = 0
        self.source.forget_before(self.source.newest + 1)

    def forget_overwritten(self) -> None:
        """Tell the source that frames of steps without a row are of no use any more."""
        self.source.forget_before(min(self._rows, default=0))

    def get_state(self, filled: int) -> dict[str, object]:
        """Return the first rows."""
        return {
            "numbers": self._numbers[:filled],
            "known": self._known[:filled],
            "extra": self._extra[:filled],
            "versions": self._versions[:filled],
            "version_names": list(self._version_names),
            "signals": self._columns.table[:filled],
        }

    def set_state(self, state: dict[str, object]) -> None:
        """Hold what :meth:`get_state` returned."""
        for name, column in (
            ("numbers", self._numbers),
            ("known", self._known),
            ("extra", self._extra),
            ("versions", self._versions),
            ("signals", self._columns.table),
        ):
            stored = cast("NDArray[np.generic]", state[name])
            column[: len(stored)] = stored
        self._version_names = list(cast("list[str]", state["version_names"]))
        self._unscored = int((self._numbers[~self._known.all(axis=1)] >= 0).sum())
        self._rows = {
            number: row for row, number in enumerate(self._numbers.tolist()) if number >= 0
        }

    def _hear(self, result: Scored | Rescored) -> None:
        if isinstance(result, Rescored):
            self._rewrite(result)
            return
        row = self._rows.get(result.number)
        if row is not None:
            self._write(row, result)
        elif result.number == self.source.newest:
            self._newest = result  # the buffer has not got the step yet

    def _write(self, row: int, scored: Scored) -> None:
        slots = np.arange(self._known.shape[1])
        self._columns.write(np.full(len(slots), row), slots, scored.step.signals)
        self._versions[row] = [self._place(version) for version in scored.versions]
        self._known[row] = True
        self._unscored -= 1
        self._newest = None

    def _rewrite(self, again: Rescored) -> None:
        rows = np.array(
            [self._rows.get(number, -1) for number in again.numbers.tolist()], np.int64
        )
        here = rows >= 0
        rows, slots = rows[here], again.slots[here]
        self._columns.write(rows, slots, again.signals[here])
        self._versions[rows, slots] = self._place(again.version)

    def _place(self, version: str) -> int:
        if version not in self._version_names:
            self._version_names.append(version)
        return self._version_names.index(version)
