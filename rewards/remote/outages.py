"""When a service is away: for how long it may be, when to try it again, and what it cost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from kibble.rewards.errors import OutageError, ServiceAwayError

__all__ = ["Availability", "Outage", "RecordsOutages"]

_LOGGER = logging.getLogger(__name__)

_EVER = 1e8  # s; who waits that long waits for ever
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # s between two attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which a service did not answer.

    Args:
        service: Its address.
        began: When the first call failed, s since 1970.
        seconds: From then to the first answer, or to the last failed attempt.
        over: Whether it answered again.
        reason: What the first failed call met.
        attempts: Attempts that failed.
        unread: Frames that were not read, start frames included.
    """

    service: str
    began: float
    seconds: float
    over: bool
    reason: str
    attempts: int
    unread: int


@runtime_checkable
class RecordsOutages(Protocol):
    """A reward model that a service stands behind, or several."""

    @property
    def outages(self) -> Sequence[Outage]:
        """Outages so far, oldest first; the last may still go on."""
        ...


@final
class Availability:
    """A circuit breaker: while a service is away, calls fail at once and only some are tried.

    The first failure begins an outage. Until the next attempt is due :meth:`check` refuses calls;
    pauses between attempts double from 0.25 s to 5 s. The first answer ends the outage. Threads
    may share one.

    Args:
        service: Address, for texts.
        max_outage: Seconds that an outage may last, at least 0.
        clock: Seconds that never go back; for tests.
    """

    def __init__(
        self, service: str, *, max_outage: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service = service
        self._max_outage = max_outage
        self._clock = clock
        self._lock = threading.Lock()
        self._past: list[Outage] = []
        self._reason = ""
        self._began = 0.0  # by the clock
        self._began_at = 0.0  # s since 1970
        self._tried = 0.0  # by the clock
        self._pause = _FIRST_PAUSE
        self._attempts = 0  # failed ones of this outage; 0 while the service is there
        self._unread = 0

    @property
    def away(self) -> bool:
        """Whether the last attempt failed."""
        return self._attempts > 0

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages so far, oldest first; the last may still go on."""
        return (*self._past, self._outage(over=False)) if self.away else tuple(self._past)

    def check(self, frames: int) -> None:
        """Refuse a call about so many frames while it would be in vain.

        Raises:
            ServiceAwayError: If the service is away and the next attempt is not due.
        """
        with self._lock:
            if self.away and self._clock() < self._tried + self._pause:
                self._unread += frames
                raise ServiceAwayError(self._text())

    def lost(
        self, reason: str, frames: int, *, since: float | None = None
    ) -> ServiceAwayError | OutageError:
        """Take note of a failed call about so many frames, and return what to raise.

        Args:
            reason: What it met.
            frames: How many frames were not read.
            since: When it began to fail, by the clock; ``None`` for now.
        """
        with self._lock:
            return self._lost(reason, frames, self._clock() if since is None else since)

    def found(self) -> None:
        """Take note of an answer."""
        with self._lock:
            self._found()

    def _lost(self, reason: str, frames: int, since: float) -> ServiceAwayError | OutageError:
        now = self._clock()
        if not self.away:
            self._began, self._began_at, self._reason = since, time.time() - (now - since), reason
            self._pause, self._unread = _FIRST_PAUSE, 0
            _LOGGER.warning(
                "Reward service %s is away: %s. Potentials are held until it answers again, %s.",
                self._service,
                reason,
                f"for {self._max_outage:g} s at most" if self._max_outage < _EVER else "for ever",
            )
        else:
            self._pause = min(2.0 * self._pause, _LONGEST_PAUSE)
        self._attempts += 1
        self._unread += frames
        self._tried = now
        if now - self._began > self._max_outage:
            return OutageError(
                f"{self._text()} `max_outage` allows {self._max_outage:g} s; start the service "
                "again, or raise `max_outage`."
            )
        return ServiceAwayError(self._text())

    def _found(self) -> None:
        if not self.away:
            return
        outage = self._outage(over=True)
        self._past.append(outage)
        self._attempts = 0
        _LOGGER.warning(
            "Reward service %s is back after %.1f s; %d frames were not read.",
            self._service,
            outage.seconds,
            outage.unread,
        )

    def _outage(self, *, over: bool) -> Outage:
        return Outage(
            service=self._service,
            began=self._began_at,
            seconds=(self._clock() if over else self._tried) - self._began,
            over=over,
            reason=self._reason,
            attempts=self._attempts,
            unread=self._unread,
        )

    def _text(self) -> str:
        return (
            f"Reward service {self._service} has been away for {self._tried - self._began:.1f} s "
            f"({self._reason})."
        )
