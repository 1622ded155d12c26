"""Which messages say something new, by their stamps."""

from __future__ import annotations

from typing import final

from kibble.rewards.ros.clock import stamp_ns

__all__ = ["StampOrder"]

_JUMP = 1_000_000_000  # ns; a stamp that lies further back is of a clock that was set back


@final
class StampOrder:
    """Refuses duplicates and messages that were overtaken by later ones of their topic.

    A camera that hangs and repeats its last picture is as silent as one that is off. Messages
    without a header, or with a stamp of 0, are taken as they come.
    """

    def __init__(self) -> None:
        self._newest: int | None = None

    def is_new(self, message: object) -> bool:
        """Return whether a message is newer than all before it, and remember it."""
        stamp = stamp_ns(message) if hasattr(message, "header") else 0
        if stamp == 0:
            return True
        if self._newest is not None and self._newest - _JUMP <= stamp <= self._newest:
            return False
        self._newest = stamp
        return True
