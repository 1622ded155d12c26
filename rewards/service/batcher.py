"""The queue before one model: frames of all clients leave it in batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, final

from kibble.rewards.service.answer_cache import AnswerCache, Remembered, remembered
from kibble.rewards.service.answers import Outcome
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.hosted_model import HostedModel
from kibble.rewards.service.metrics import ModelMetrics
from kibble.rewards.service.reading import failed_outcome, read_batch
from kibble.rewards.service.sessions import Session, Work
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.types import RewardModel, Status

__all__ = ["LATE", "Batcher", "close_session"]

_LOGGER = logging.getLogger(__name__)

LATE = Outcome(
    status=Status.TIMEOUT, code=Code.LATE, message="the deadline passed before it was read"
)
_REOPENED = Outcome(
    status=Status.MODEL_ERROR,
    code=Code.STALE_EPISODE,
    message="the episode was closed or opened anew before this frame was read",
)

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True, eq=False)
class _Opening:
    call: Callable[[RewardModel], object]
    deadline: float
    outcome: asyncio.Future[object]


@final
class Batcher:
    """Hands frames to a model, as many at once as wait and fit, and opens episodes in between.

    While the model reads one batch the next gathers, so batches grow with the load by themselves;
    when the model is idle, the first frame waits ``batch_wait`` for others at most, and not at all
    if no open episode could bring one. Between two batches one episode is opened, so that neither
    kind of request starves the other. Frames of one episode are read in their order, one in each
    batch.

    Args:
        hosted: The model.
        cache: Where answers and states go.
        settings: Sizes and times.
        metrics: Where figures go.
        open_episodes: Says how many episodes could send a frame.
    """

    def __init__(
        self,
        hosted: HostedModel,
        cache: AnswerCache,
        settings: ServiceSettings,
        metrics: ModelMetrics,
        open_episodes: Callable[[], int],
    ) -> None:
        self._hosted = hosted
        self._cache = cache
        self._settings = settings
        self._metrics = metrics
        self._open_episodes = open_episodes
        self._frames: deque[Work] = deque()
        self._openings: deque[_Opening] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Frames that wait."""
        return len(self._frames)

    def put(self, work: Work) -> None:
        """Queue a frame, which may still have to be decoded."""
        self._frames.append(work)
        self._idle.clear()

    def wake(self) -> None:
        """Say that a frame is decoded, or that one is not to be waited for any more."""
        self._wake.set()

    async def open(self, call: Callable[[RewardModel], _T], deadline: float) -> _T:
        """Run what opens an episode in the model's thread, when it is its turn.

        Raises:
            ServiceError: ``busy`` if too many wait, ``late`` if its turn does not come in time.
            Exception: What the model raises.
        """
        if len(self._openings) >= self._settings.queue:
            raise ServiceError(
                Code.BUSY,
                f"{len(self._openings)} episodes wait to be opened; try again later.",
                retry_after=1.0,
            )
        loop = asyncio.get_running_loop()
        opening = _Opening(call=call, deadline=deadline, outcome=loop.create_future())
        self._openings.append(opening)
        self._idle.clear()
        self._wake.set()
        return await opening.outcome  # type: ignore[return-value]  # what `call` returns

    async def run(self) -> None:
        """Serve the queue until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            busy = True
            while busy:
                await self._gather()
                batch = self._take_batch()
                if batch:
                    await self._read(batch)
                busy = await self._open_next() or bool(batch)
            if not self._frames and not self._openings:
                self._idle.set()

    async def drain(self) -> None:
        """Wait until nothing waits."""
        self._wake.set()
        await self._idle.wait()

    async def _gather(self) -> None:
        """Wait for others that may come in time."""
        if not self._frames or self._openings:
            return
        until = self._frames[0].arrived + self._settings.batch_wait
        wanted = min(self._settings.batch, self._open_episodes())
        while (left := until - time.monotonic()) > 0.0 and self._readable(wanted) < wanted:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), left)
            except asyncio.TimeoutError:
                return

    def _readable(self, enough: int) -> int:
        count = 0
        for work in self._frames:
            count += _is_next(work)
            if count >= enough:
                break
        return count

    def _take_batch(self) -> list[Work]:
        now = time.monotonic()
        batch: list[Work] = []
        left: deque[Work] = deque()
        while self._frames and len(batch) < self._settings.batch:
            work = self._frames.popleft()
            if work.outcome.done():
                continue
            if work.session.closed:
                work.session.drop(work, _REOPENED)
            elif work.deadline <= now:
                work.session.drop(work, LATE)
            elif _is_next(work):
                work.handed = True
                batch.append(work)
                self._metrics.wait_seconds.observe(now - work.arrived)
            else:
                left.append(work)
        self._frames.extendleft(reversed(left))
        return batch

    async def _read(self, batch: list[Work]) -> None:
        keeps = not self._cache.off
        begin = time.monotonic()
        try:
            read = await self._hosted.call(lambda model: _read(model, batch, keeps))
        # A defect; no client may wait for ever for that.
        except Exception as error:
            _LOGGER.exception("model %r: a batch was lost", self._hosted.name)
            read = [(failed_outcome(error), None)] * len(batch)
        self._metrics.estimate_seconds.observe(time.monotonic() - begin)
        self._metrics.batch_frames.observe(len(batch))
        broken = [outcome for outcome, _ in read if outcome.code is Code.MODEL_FAILED]
        self._hosted.count(len(broken) == len(read), broken[0].message if broken else "")
        for work, (outcome, state) in zip(batch, read, strict=True):
            good = outcome.status is Status.OK
            chain = work.session.chain_after(work.digest) if good else None
            if chain is not None and state is not None:
                self._cache.keep(chain, state)
            work.session.settle(work, outcome, chain)

    async def _open_next(self) -> bool:
        """Open one episode, if one waits."""
        while self._openings:
            opening = self._openings.popleft()
            if opening.outcome.done():
                continue
            begin = time.monotonic()
            if opening.deadline <= begin:
                opening.outcome.set_exception(
                    ServiceError(Code.LATE, "The deadline passed before its turn came.")
                )
                continue
            try:
                result = await self._hosted.call(opening.call)
            # Whatever the model raises is for the one that asked; the service goes on.
            except Exception as error:
                if not opening.outcome.done():
                    opening.outcome.set_exception(error)
            else:
                if not opening.outcome.done():
                    opening.outcome.set_result(result)
            self._metrics.begin_seconds.observe(time.monotonic() - begin)
            return True
        return False


def _is_next(work: Work) -> bool:
    """Whether a frame is decoded and the oldest of its episode that is not answered."""
    return work.frames is not None and work.session.pending[:1] == [work]


def _read(
    model: RewardModel, batch: list[Work], keeps: bool
) -> list[tuple[Outcome, Remembered | None]]:
    """Read a batch in the model's thread, and copy what it remembers where that is kept."""
    episodes = [work.session.own_episode() for work in batch]
    frames = [work.frames for work in batch if work.frames is not None]
    outcomes = read_batch(model, episodes, frames)
    return [
        (
            outcome,
            remembered(outcome, episode) if keeps and outcome.status is Status.OK else None,
        )
        for episode, outcome in zip(episodes, outcomes, strict=True)
    ]


def close_session(session: Session) -> None:
    """Close an episode: what waits is answered, what the model has is still read."""
    session.closed = True
    for work in [work for work in session.pending if not work.handed]:
        session.drop(work, _REOPENED)
