"""How many readings of a reward model failed, and whether that is too many."""

from __future__ import annotations

import logging
from collections import deque
from typing import TypedDict, final

from kibble.rewards.episode_reader import Reading
from kibble.rewards.errors import ModelError, ShapingError
from kibble.rewards.types import Status

__all__ = ["FailureTally", "FailureTallyState"]

logger = logging.getLogger(__name__)


class FailureTallyState(TypedDict):
    """All that a :class:`FailureTally` remembers."""

    outcomes: list[bool]
    counts: dict[str, int]


@final
class FailureTally:
    """Counts and logs failed readings, and refuses to go on past a share of them.

    Args:
        name: The reward model's name, for texts.
        max_share: Share of the last ``window`` readings that may fail, in [0, 1].
        window: Readings over which that share is taken, at least 1.

    Attributes:
        counts: How many readings ended with each status other than ``OK``.

    Raises:
        ShapingError: If an argument is out of range.
    """

    def __init__(self, name: str, *, max_share: float, window: int) -> None:
        if window < 1:
            raise ShapingError(f"`window` must be at least 1, got {window}.")
        if not 0.0 <= max_share <= 1.0:
            raise ShapingError(f"`max_failure_share` must lie in [0, 1], got {max_share}.")
        self.counts: dict[Status, int] = {s: 0 for s in Status if s is not Status.OK}
        self._name = name
        self._max_share = float(max_share)
        self._window = window
        self._outcomes: deque[bool] = deque(maxlen=window)

    def add(self, reading: Reading, slot: int) -> None:
        """Count one reading of that slot; an excused failure leaves the share alone."""
        failed = reading.status is not Status.OK
        if not reading.excused:
            self._outcomes.append(failed)
        if failed:
            self._count(reading, slot)

    def check(self) -> None:
        """Refuse to go on where too many of the last readings failed.

        What was refused is forgotten, so that a run can go on with a model that was mended.

        Raises:
            ModelError: If their share is above ``max_share``.
        """
        failed, readings = sum(self._outcomes), len(self._outcomes)
        if failed > self._max_share * self._window:
            self.forget()
            counts = {status.name: n for status, n in self.counts.items() if n}
            raise ModelError(
                f"Reward model {self._name!r} failed {failed} of its last "
                f"{readings} readings ({counts}); `max_failure_share` allows "
                f"{self._max_share:g} of {self._window}. Mend the model, or raise the share."
            )

    def forget(self) -> None:
        """Forget the share; the counts stay."""
        self._outcomes.clear()

    def get_state(self) -> FailureTallyState:
        """Return a copy of all that is remembered."""
        return {
            "outcomes": list(self._outcomes),
            "counts": {status.name: count for status, count in self.counts.items()},
        }

    def set_state(self, state: FailureTallyState) -> None:
        """Continue from a state of `get_state`."""
        self._outcomes.clear()
        self._outcomes.extend(state["outcomes"])
        self.counts = {Status[name]: count for name, count in state["counts"].items()}

    def _count(self, reading: Reading, slot: int) -> None:
        self.counts[reading.status] += 1
        total = sum(self.counts.values())
        if total & (total - 1) == 0:  # at 1, 2, 4, 8, …: enough to be seen, too few to flood a log
            logger.warning(
                "Reward model %r: %s in slot %d, potential held; failed readings so far: %d.%s",
                self._name,
                reading.status.name,
                slot,
                total,
                f" Reason: {reading.reason}" if reading.reason else "",
            )
