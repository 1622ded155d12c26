"""Open episodes of many clients: what they were last told, what waits, and when they expire."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from kibble.rewards.service.answer_cache import Remembered, digest_of
from kibble.rewards.service.answers import Outcome
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.memory_copy import copied_memory
from kibble.rewards.types import Episode, Frames, Task

__all__ = ["Session", "SessionTable", "Work"]

_KEPT_ANSWERS = 32
_KEPT_NAMES = 4096  # of stale episodes


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """One frame that waits for the model.

    Args:
        session: Its episode.
        step: Which frame of it.
        digest: Its content.
        arrived: When, on the monotonic clock.
        deadline: When it is too late to hand it over.
        outcome: What becomes of it.
        frames: (1, H, W, 3) uint8 RGB per view, once decoded.
        handed: Whether the model has it.
    """

    session: Session
    step: int
    digest: bytes
    arrived: float
    deadline: float
    outcome: asyncio.Future[Outcome]
    frames: Frames | None = None
    handed: bool = False


@final
class Session:
    """One open episode of one client.

    Args:
        task: What it is about.
        opening: Digest of what opened it.
        start: The model's own episode, or what the cache holds of one that was opened like it.

    Attributes:
        chain: Digest of the history so far; see :class:`AnswerCache`.
        last_step: Newest step that the model, or the cache, has answered.
        pending: Frames not answered yet, oldest first.
        progress: That of the start frames.
        used: When it was last used, on the monotonic clock.
        closed: Whether it was closed, or opened anew; then it answers no more.
    """

    def __init__(
        self, task: Task, opening: bytes, start: Episode | Remembered, used: float
    ) -> None:
        self.task = task
        self.opening = opening
        self.chain = opening
        self.last_step = 0
        self.pending: list[Work] = []
        self.used = used
        self.closed = False
        self._borrowed = start if isinstance(start, Remembered) else None
        self._episode = start if isinstance(start, Episode) else None
        self.progress = start.progress if isinstance(start, Episode) else start.outcome.progress
        self._kept: OrderedDict[int, tuple[bytes, Outcome]] = OrderedDict()

    def own_episode(self) -> Episode:
        """Return the model's episode; what the cache lent is copied first."""
        if self._borrowed is not None:
            self._episode = Episode(
                task=self.task,
                progress=self._borrowed.outcome.progress,
                steps=self._borrowed.steps,
                memory=copied_memory(self._borrowed.memory),
            )
            self._borrowed = None
        assert self._episode is not None
        return self._episode

    def is_untouched(self, opening: bytes) -> bool:
        """Whether it was opened like that and has had no frame since."""
        return self.opening == opening and self.last_step == 0 and not self.pending

    def chain_after(self, digest: bytes) -> bytes:
        """Return the digest of the history with one more frame."""
        return digest_of(self.chain, (digest.hex(),))

    def known(self, step: int, digest: bytes) -> Outcome | Work | None:
        """Return the answer that a step got, or the work that waits for it, or None if it is new.

        Raises:
            ServiceError: ``out_of_order`` if it is neither new nor the same as it was.
        """
        for work in self.pending:
            if work.step == step and work.digest == digest:
                return work
        kept = self._kept.get(step)
        if kept is not None and kept[0] == digest:
            return kept[1]
        newest = self.pending[-1].step if self.pending else self.last_step
        if step <= newest:
            raise ServiceError(
                Code.OUT_OF_ORDER,
                f"A frame's step must be above {newest}, or one of the last {_KEPT_ANSWERS} with "
                f"the same pictures, got {step}; count frames of an episode upwards.",
            )
        return None

    def borrow(self, step: int, digest: bytes, chain: bytes, state: Remembered) -> None:
        """Take an answer and a state from the cache in the place of the model's."""
        self._borrowed = state
        self._answered(step, digest, state.outcome)
        self.chain = chain

    def settle(self, work: Work, outcome: Outcome, chain: bytes | None) -> None:
        """Note what the model said; with no chain, what follows is like no other history."""
        self._answered(work.step, work.digest, outcome)
        self.chain = secrets.token_bytes(16) if chain is None else chain
        self.drop(work, outcome)

    def drop(self, work: Work, outcome: Outcome) -> None:
        """Answer a frame that is not to be remembered: the model has not seen it."""
        if work in self.pending:
            self.pending.remove(work)
        if not work.outcome.done():
            work.outcome.set_result(outcome)

    def _answered(self, step: int, digest: bytes, outcome: Outcome) -> None:
        self.last_step = step
        self._kept[step] = digest, outcome
        if len(self._kept) > _KEPT_ANSWERS:
            self._kept.popitem(last=False)


@dataclass(slots=True)
class SessionTable:
    """Open episodes by name, and the names of those that went stale.

    Args:
        expiry: Seconds without use after which an episode is stale.
    """

    expiry: float
    _open: OrderedDict[str, Session] = field(default_factory=OrderedDict)  # least used first
    _stale: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def get(self, name: str) -> Session | None:
        """Return an open episode, if there is one of that name."""
        return self._open.get(name)

    def use(self, name: str, now: float) -> Session:
        """Return an open episode and note that it is used.

        Raises:
            ServiceError: ``unknown_episode`` or ``stale_episode``.
        """
        session = self._open.get(name)
        if session is not None:
            session.used = now
            self._open.move_to_end(name)
            return session
        if name in self._stale:
            raise ServiceError(
                Code.STALE_EPISODE,
                f"An episode must be used every {self.expiry:g} s, this one was not and is "
                "closed; open it again from its start frames.",
            )
        raise ServiceError(
            Code.UNKNOWN_EPISODE,
            "An episode must be open, got a name that is not, or no longer, known here; open it "
            "from its start frames (again, if the service was restarted).",
        )

    def put(self, name: str, session: Session) -> Session | None:
        """Open an episode; return the one of that name that it replaces."""
        replaced = self._open.pop(name, None)
        self._open[name] = session
        self._stale.pop(name, None)
        return replaced

    def take(self, name: str) -> Session | None:
        """Close an episode; None if it was not open."""
        self._stale.pop(name, None)
        return self._open.pop(name, None)

    def take_stale(self, now: float) -> Iterator[Session]:
        """Close those that were not used for too long."""
        while self._open:
            name, session = next(iter(self._open.items()))
            if now - session.used < self.expiry:
                return
            if session.pending:
                self.use(name, now)
                continue
            del self._open[name]
            self._stale[name] = None
            if len(self._stale) > _KEPT_NAMES:
                self._stale.popitem(last=False)
            yield session
