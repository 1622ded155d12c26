"""What can go wrong between a camera and a graph: faults of messages, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.transport import Fields

__all__ = [
    "FAULTS",
    "Fault",
    "Swap",
    "back",
    "encoded",
    "frozen",
    "half",
    "make_fault",
    "off",
    "oversized",
    "twice",
]

Fault: TypeAlias = Callable[[Fields], Sequence[Fields]]
"""Takes the fields of a message and returns those of the messages that are sent instead.

Faults of pictures and of stamps leave messages without as they are.
"""

_LARGE = (2160, 3840)  # pixels of a 4K picture


def off(fields: Fields) -> Sequence[Fields]:
    """Send nothing."""
    return ()


def twice(fields: Fields) -> Sequence[Fields]:
    """Send every message twice, with one stamp."""
    return (fields, fields)


def half(fields: Fields) -> Sequence[Fields]:
    """Send the first half of the bytes, under the header of the whole picture."""
    if not _is_picture(fields):
        return (fields,)
    data = cast("NDArray[np.uint8]", fields["data"])
    return ({**fields, "data": data[: len(data) // 2]},)


def oversized(fields: Fields) -> Sequence[Fields]:
    """Send the picture in 3840 x 2160 pixels; each of its pixels becomes a block."""
    if not _is_picture(fields):
        return (fields,)
    height, width = cast("int", fields["height"]), cast("int", fields["width"])
    data = cast("NDArray[np.uint8]", fields["data"])
    pixels = data.reshape(height, width, -1)  # (H, W, bytes of a pixel)
    rows = np.arange(_LARGE[0]) * height // _LARGE[0]
    columns = np.arange(_LARGE[1]) * width // _LARGE[1]
    large = np.ascontiguousarray(pixels[rows[:, None], columns])
    size = {"height": _LARGE[0], "width": _LARGE[1], "step": large.strides[0]}
    return ({**fields, **size, "data": large.reshape(-1)},)


def encoded(name: str = "bayer_rggb16") -> Fault:
    """Return a fault that says the picture has another encoding than its bytes."""

    def fault(fields: Fields) -> Sequence[Fields]:
        return ({**fields, "encoding": name} if _is_picture(fields) else fields,)

    return fault


def back(seconds: float = 5.0) -> Fault:
    """Return a fault that sets the clock of what is sent back, also of ``/clock``."""

    def fault(fields: Fields) -> Sequence[Fields]:
        time = _time(fields)
        return (fields if time is None else _at(fields, time - round(seconds * 1e9)),)

    return fault


def frozen() -> Fault:
    """Return a fault that leaves the stamp where it was when the fault began."""
    stamps: list[int] = []

    def fault(fields: Fields) -> Sequence[Fields]:
        time = _time(fields)
        if time is None:
            return (fields,)
        stamps.append(time)
        del stamps[1:]
        return (_at(fields, stamps[0]),)

    return fault


@final
class Swap:
    """Sends messages in pairs, the later one first."""

    def __init__(self) -> None:
        self._held: Fields | None = None

    def __call__(self, fields: Fields) -> Sequence[Fields]:
        """Hold a message back, or send it before the one that was held."""
        if self._held is None:
            self._held = fields
            return ()
        held, self._held = self._held, None
        return (fields, held)


FAULTS: Mapping[str, str] = {
    "off": "the camera sends nothing",
    "twice": "every message comes twice",
    "swap": "messages come in pairs, the later one first",
    "frozen": "the stamp stands still",
    "back": "the clock of what is sent jumps back by so many seconds (5)",
    "half": "half of the bytes are missing",
    "encoding": "the encoding is another than that of the bytes (bayer_rggb16)",
    "4k": "pictures are 3840 x 2160 pixels",
    "second": "a second publisher sends the same",
}
"""Name of a fault to what it does, with the default of what may be given after it."""


def make_fault(name: str, argument: str = "") -> Fault:
    """Return a fault by its name; ``second`` is none of messages, see :class:`FaultyTransport`.

    Args:
        name: One of ``FAULTS``.
        argument: Seconds of ``back``, or the name of ``encoding``.

    Raises:
        ConfigError: If there is no such fault, or the argument is none of its.
    """
    plain: Mapping[str, Fault] = {"off": off, "twice": twice, "half": half, "4k": oversized}
    if name in plain and not argument:
        return plain[name]
    if name == "swap" and not argument:
        return Swap()
    if name == "frozen" and not argument:
        return frozen()
    if name == "encoding":
        return encoded(argument) if argument else encoded()
    if name == "back":
        return back(_seconds(argument)) if argument else back()
    known = ", ".join(fault for fault in FAULTS if fault != "second")
    raise ConfigError(
        f"A fault must be one of {known}, with a value only behind back and encoding, got "
        f"'{name} {argument}'."
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ConfigError(f"`back` must be followed by seconds, got {text!r}.")
    return seconds


def _is_picture(fields: Fields) -> bool:
    return "encoding" in fields


def _time(fields: Fields) -> int | None:
    """Return ns since the epoch, or None where a message has no stamp."""
    stamp = fields.get("clock")
    if "header" in fields:
        stamp = cast("Fields", fields["header"])["stamp"]
    if stamp is None:
        return None
    parts = cast("Mapping[str, int]", stamp)
    return parts["sec"] * 1_000_000_000 + parts["nanosec"]


def _at(fields: Fields, time: int) -> Fields:
    stamp = stamp_fields(max(time, 0))
    if "clock" in fields:
        return {**fields, "clock": stamp}
    return {**fields, "header": {**cast("Fields", fields["header"]), "stamp": stamp}}
