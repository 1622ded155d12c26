"""Reading of a request's header, value by value: whatever it is, it becomes a typed error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import EncodedPicture, PictureFormat, known_format

if TYPE_CHECKING:
    from kibble.rewards.service.wire import EncodedFrames, Limits

__all__ = ["Header", "malformed"]

_MOST_VIEWS = 64
_MOST_SECONDS = 86_400.0


def malformed(message: str) -> ServiceError:
    """Return the error of a request that is not what the wire format says."""
    return ServiceError(Code.MALFORMED, message)


@final
class Header:
    """The header of one request and the pictures that follow it.

    Args:
        values: What the JSON holds.
        pixels: The bytes after it.
        limits: What a request may be at most.

    Raises:
        ServiceError: If it is not an object, or pictures are not listed as they should be.
    """

    def __init__(self, values: object, pixels: memoryview, limits: Limits) -> None:
        if not isinstance(values, dict):
            raise malformed(f"The header must be a JSON object, got {_kind(values)}.")
        self._values: dict[str, object] = values
        self._pictures = _pictures(values.get("pictures"), pixels, limits)

    def text(self, name: str, most: int) -> str:
        """Return a text of no more than ``most`` characters."""
        value = self._values.get(name)
        if not isinstance(value, str):
            raise malformed(f"`{name}` must be a text, got {_kind(value)}.")
        if len(value) > most:
            raise ServiceError(
                Code.TOO_LARGE,
                f"`{name}` may have {most} characters, got {len(value)}; say it shorter.",
            )
        return value

    def timeout(self) -> float | None:
        """Return the seconds that the client waits, if it says so."""
        value = self._values.get("timeout")
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise malformed(f"`timeout` must be a number of seconds, got {_kind(value)}.")
        if not (math.isfinite(value) and 0.0 < value <= _MOST_SECONDS):
            raise malformed(f"`timeout` must lie in (0, {_MOST_SECONDS:g}] seconds, got {value}.")
        return float(value)

    def frames(self, name: str, count: int | None = None) -> EncodedFrames | None:
        """Return frames of every view, as many in each, or None if there are none."""
        value = self._values.get(name)
        if value is None:
            return None
        views = _views(name, value)
        columns = {}
        for view, places in views.items():
            if not isinstance(places, list) or not places:
                raise malformed(f"`{name}.{view}` must list pictures, got {_kind(places)}.")
            columns[view] = tuple(self._picture(place) for place in places)
        counts = {len(column) for column in columns.values()}
        if len(counts) != 1 or count not in (None, *counts):
            wanted = "as many pictures in every view" if count is None else f"{count} per view"
            raise malformed(f"`{name}` must hold {wanted}, got {sorted(counts)}.")
        return columns

    def rows(self, name: str, most: int) -> list[tuple[str, int, dict[str, EncodedPicture]]]:
        """Return (episode, step, view to picture) of every frame."""
        value = self._values.get(name)
        if not isinstance(value, list) or not value:
            raise malformed(f"`{name}` must list at least one frame, got {_kind(value)}.")
        if len(value) > most:
            raise ServiceError(
                Code.TOO_LARGE,
                f"`{name}` may hold {most} frames, got {len(value)}; send several requests.",
            )
        return [self._row(f"{name}[{i}]", row) for i, row in enumerate(value)]

    def _row(self, name: str, row: object) -> tuple[str, int, dict[str, EncodedPicture]]:
        if not isinstance(row, list) or len(row) != 3:
            raise malformed(f"`{name}` must be [episode, step, views], got {_kind(row)}.")
        episode, step, views = row
        if not isinstance(episode, str):
            raise malformed(f"`{name}` must name its episode first, got {_kind(episode)}.")
        if not isinstance(step, int) or isinstance(step, bool) or not 1 <= step < 2**63:
            raise malformed(f"`{name}` must count its step from 1, got {str(step)[:40]}.")
        return (
            episode,
            step,
            {view: self._picture(place) for view, place in _views(name, views).items()},
        )

    def _picture(self, place: object) -> EncodedPicture:
        if (
            not isinstance(place, int)
            or isinstance(place, bool)
            or not 0 <= place < len(self._pictures)
        ):
            raise malformed(
                f"A picture must be named by its place among {len(self._pictures)}, got "
                f"{str(place)[:40]}."
            )
        return self._pictures[place]


def _views(name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict) or not 1 <= len(value) <= _MOST_VIEWS:
        raise malformed(
            f"`{name}` must map 1 to {_MOST_VIEWS} views to pictures, got {_kind(value)}."
        )
    return value


def _pictures(listed: object, pixels: memoryview, limits: Limits) -> list[EncodedPicture]:
    if not isinstance(listed, list):
        raise malformed(f"`pictures` must be a list, got {_kind(listed)}.")
    if len(listed) > limits.pictures:
        raise ServiceError(
            Code.TOO_LARGE,
            f"A request may hold {limits.pictures} pictures, got {len(listed)}; send fewer.",
        )
    pictures = []
    begin = pixels_in_all = 0
    for i, entry in enumerate(listed):
        form, height, width, size = _entry(entry, f"pictures[{i}]")
        pixels_in_all += height * width
        if height * width > limits.picture_pixels or pixels_in_all > limits.request_pixels:
            raise ServiceError(
                Code.TOO_LARGE,
                f"A picture may have {limits.picture_pixels} pixels and all of a request "
                f"{limits.request_pixels}, got {height} x {width} and {pixels_in_all} so far; "
                "make them smaller, or send fewer at once.",
            )
        pictures.append(
            EncodedPicture(
                format=form, height=height, width=width, data=pixels[begin : begin + size]
            )
        )
        begin += size
    if begin != len(pixels):
        raise malformed(
            f"Pictures must fill the body, got {begin} bytes listed and {len(pixels)} sent; the "
            "body was cut, or something follows it."
        )
    return pictures


def _entry(entry: object, name: str) -> tuple[PictureFormat, int, int, int]:
    form, *numbers = entry if isinstance(entry, list) and len(entry) == 4 else [None]
    known = known_format(form)
    whole = [
        number
        for number in numbers
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**40
    ]
    if known is None or len(whole) != 3:
        raise malformed(
            f"`{name}` must be [raw, png or jpeg, height, width, bytes], got {str(entry)[:80]}."
        )
    return known, whole[0], whole[1], whole[2]


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:60]!r}"
