"""Time as the graph knows it: the machine's, or that of the topic ``/clock``."""

from __future__ import annotations

import time
from typing import Protocol, final

__all__ = ["Clock", "SystemClock", "frame_id_of", "seconds", "stamp_fields", "stamp_ns"]

_NS = 1_000_000_000


class Clock(Protocol):
    """Tells the time that stamps are of."""

    def now(self) -> int:
        """Return nanoseconds since the epoch; may jump, also backwards."""
        ...


@final
class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return nanoseconds since the epoch."""
        return time.time_ns()


def stamp_ns(message: object) -> int:
    """Return a message's stamp in ns since the epoch, from ``header.stamp``."""
    stamp = message.header.stamp  # type: ignore[attr-defined]  # any message with a header
    return int(stamp.sec) * _NS + int(stamp.nanosec)


def frame_id_of(message: object) -> str:
    """Return the coordinate frame that a message belongs to, from ``header.frame_id``."""
    return str(message.header.frame_id)  # type: ignore[attr-defined]  # any message with a header


def stamp_fields(ns: int) -> dict[str, int]:
    """Return the fields of a ``builtin_interfaces/msg/Time``.

    >>> stamp_fields(1_500_000_000)
    {'sec': 1, 'nanosec': 500000000}
    """
    sec, nanosec = divmod(ns, _NS)
    return {"sec": sec, "nanosec": nanosec}


def seconds(ns: int) -> float:
    """Return nanoseconds as seconds."""
    return ns / _NS
