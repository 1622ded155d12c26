"""How bodies come in: of the right type, in time, and never more than memory is meant for."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import TypeVar, final

from starlette.requests import ClientDisconnect, Request

from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import EncodedPicture
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import CONTENT_TYPE

__all__ = ["Incoming", "Intake"]

_DRAINED = 4  # times the limit of a body that are read and thrown away, so that an error arrives
_DRAIN_SECONDS = 5.0


_T = TypeVar("_T")


@final
class Intake:
    """The memory that bodies and decoded pictures of all requests may hold together.

    Args:
        settings: Its size, and the limits of one body.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self._held = 0

    def take(self, size: int) -> None:
        """Reserve bytes.

        Raises:
            ServiceError: ``busy`` if there are not as many.
        """
        if self._held + size > self.settings.body_memory:
            raise ServiceError(
                Code.BUSY,
                f"Requests hold {self._held} of {self.settings.body_memory} bytes, and this one "
                f"wants {size} more; try again later.",
                retry_after=1.0,
            )
        self._held += size

    def give_back(self, size: int) -> None:
        """Return reserved bytes."""
        self._held -= size


@final
class Incoming:
    """One request that comes in; what it holds of the memory goes back at the end of its ``with``.

    Args:
        request: The request.
        intake: The memory.
    """

    def __init__(self, request: Request, intake: Intake) -> None:
        self._request = request
        self._intake = intake
        self._size = 0
        self._complete = False

    async def body(self) -> bytes:
        """Read the body.

        Raises:
            ServiceError: ``wrong_content_type``, ``too_large``, ``slow_client``, ``busy``.
            ClientDisconnect: If the client has gone.
        """
        headers, settings = self._request.headers, self._intake.settings
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != CONTENT_TYPE:
            raise ServiceError(
                Code.WRONG_CONTENT_TYPE,
                f"`Content-Type` must be {CONTENT_TYPE}, got {kind[:80]!r}; see "
                "kibble.rewards.service.wire.",
            )
        said = headers.get("content-length", "")
        announced = int(said) if said.isdecimal() else 0
        self._check_size(announced)
        self._add(announced)
        try:
            return await _in_time(self._read(announced), settings.body_timeout)
        except asyncio.TimeoutError as error:
            raise ServiceError(
                Code.SLOW_CLIENT,
                f"A body must arrive within {settings.body_timeout:g} s, this one did not; send "
                "smaller frames, or JPEG, or raise `body_timeout` of the service.",
            ) from error

    def add_pixels(self, pictures: Iterable[EncodedPicture]) -> None:
        """Reserve what pictures take once they are decoded; raw ones are read where they lie.

        Raises:
            ServiceError: ``busy``.
        """
        self._add(sum(3 * p.height * p.width for p in pictures if p.format != "raw"))

    async def drain(self) -> bool:
        """Read and forget what is left of the body, within reason; say whether that was all.

        A connection that is closed over unread bytes is reset, and the error in it is lost.
        """
        with contextlib.suppress(ClientDisconnect, asyncio.TimeoutError):
            await _in_time(self._throw_away(), _DRAIN_SECONDS)
        return self._complete

    def _check_size(self, size: int) -> None:
        limit = self._intake.settings.limits.body_bytes
        if size > limit:
            raise ServiceError(
                Code.TOO_LARGE,
                f"A body may have {limit} bytes, got {size} or more; send fewer or smaller frames "
                "at once.",
            )

    def _add(self, size: int) -> None:
        self._intake.take(size)
        self._size += size

    async def _read(self, announced: int) -> bytes:
        chunks, size = [], 0
        while not self._complete:
            chunk = await self._next()
            size += len(chunk)
            if size > announced:  # its length was not announced
                self._check_size(size)
                self._add(len(chunk))
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _throw_away(self) -> None:
        left = _DRAINED * self._intake.settings.limits.body_bytes
        while not self._complete and left > 0:
            left -= len(await self._next())

    async def _next(self) -> bytes:
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._intake.give_back(self._size)


async def _in_time(work: Coroutine[object, object, _T], seconds: float) -> _T:
    if sys.version_info >= (3, 11):  # cheaper: no task of its own
        async with asyncio.timeout(seconds):
            return await work
    return await asyncio.wait_for(work, seconds)
