"""One served model: its open episodes, its queue and its cache, whatever the transport."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import final

from kibble.rewards.service.answer_cache import AnswerCache, digest_of
from kibble.rewards.service.answers import Outcome
from kibble.rewards.service.batcher import LATE, Batcher
from kibble.rewards.service.decoding import check_views, decoded_frames, is_quick, single
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.hosted_model import HostedModel, ModelState
from kibble.rewards.service.metrics import ModelMetrics
from kibble.rewards.service.opening import EpisodeOpener, end_sessions
from kibble.rewards.service.sessions import SessionTable, Work
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import EncodedFrames, EstimateRequest, NewestFrame, OpenRequest
from kibble.rewards.types import Frames, ModelSpec, Status

__all__ = ["ModelService"]

_LOGGER = logging.getLogger(__name__)
_INLINE = 2**20  # bytes that are worked on without a thread
_STILL_READING = Outcome(
    status=Status.TIMEOUT,
    message="the deadline passed while the model reads it; ask for the same step again",
)


@final
class ModelService:
    """Opens, reads and closes episodes of one model for many clients.

    All methods run on the event loop; the model is called in its own thread, pictures are decoded
    in others.

    Args:
        hosted: The model.
        settings: Sizes and times.
        metrics: Where figures go.
        decoders: Threads that decode pictures.
    """

    def __init__(
        self,
        hosted: HostedModel,
        settings: ServiceSettings,
        metrics: ModelMetrics,
        decoders: Executor,
    ) -> None:
        self.hosted = hosted
        self.metrics = metrics
        self._settings = settings
        self._decoders = decoders
        self._sessions = SessionTable(settings.expiry)
        self._cache = AnswerCache(settings.cache)
        self._batcher = Batcher(
            hosted, self._cache, settings, metrics, lambda: len(self._sessions)
        )
        self._opener = EpisodeOpener(
            hosted,
            self._sessions,
            self._batcher,
            self._cache,
            settings,
            metrics=metrics,
            decoders=decoders,
        )
        self._tasks: list[asyncio.Task[None]] = []

    def refresh_metrics(self) -> None:
        """Set the figures that are read rather than counted."""
        self.metrics.ready.set(self.hosted.state is ModelState.READY)
        self.metrics.episodes.set(len(self._sessions))
        self.metrics.waiting.set(self._batcher.waiting)
        self.metrics.cache_bytes.set(self._cache.held)

    async def start(self, on_loaded: Callable[[HostedModel], None] | None = None) -> None:
        """Begin to serve; the model loads meanwhile."""
        self._tasks = [
            asyncio.create_task(self._load(on_loaded)),
            asyncio.create_task(self._batcher.run()),
            asyncio.create_task(self._expire()),
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self, grace: float) -> None:
        """Answer what waits, for ``grace`` seconds at most, then end."""
        try:
            await asyncio.wait_for(self._batcher.drain(), grace)
        except asyncio.TimeoutError:
            _LOGGER.error("model %r: %d frames were left", self.hosted.name, self._batcher.waiting)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.hosted.close()

    async def open(self, name: str, request: OpenRequest, deadline: float) -> tuple[str, float]:
        """Open an episode, or open it anew; see :meth:`EpisodeOpener.open`."""
        session = await self._opener.open(name, request, deadline)
        return self.hosted.spec.version, session.progress

    async def estimate(self, request: EstimateRequest, deadline: float) -> list[Outcome]:
        """Read frames, each the newest of its episode.

        Args:
            request: The frames.
            deadline: On the monotonic clock.

        Returns:
            Their outcomes, in the request's order.

        Raises:
            ServiceError: ``busy`` if they do not fit into the queue, ``not_ready``.
        """
        spec, frames = self.hosted.spec, request.frames
        if self._batcher.waiting + len(frames) > self._settings.queue:
            raise ServiceError(
                Code.BUSY,
                f"{self._batcher.waiting} frames wait, and the queue holds "
                f"{self._settings.queue}; try again later, or serve more replicas.",
                retry_after=1.0,
            )
        digests = await self._digests(frames)
        outcomes: dict[int, Outcome] = {}
        works: dict[int, Work] = {}
        slow: list[tuple[Work, EncodedFrames]] = []
        for i in sorted(range(len(frames)), key=lambda i: frames[i].step):
            try:
                found = self._admit(frames[i], digests[i], deadline, spec)
            except ServiceError as error:
                outcomes[i] = _refused(error)
                continue
            if isinstance(found, Outcome):
                outcomes[i] = found
                continue
            works[i] = found
            pictures = single(frames[i].pictures)
            if found.frames is None and not found.handed:
                if is_quick(pictures, spec):
                    _decoded_into(found, _decoded(pictures, spec))
                else:
                    slow.append((found, pictures))
        await self._decode_slowly(slow, spec)
        self._batcher.wake()
        outcomes |= await self._wait_for(works, deadline)
        for outcome in outcomes.values():
            self.metrics.count_frame(
                outcome.status.name if outcome.code is None else outcome.code.value
            )
        return [outcomes[i] for i in range(len(frames))]

    async def close(self, name: str) -> bool:
        """Close an episode; say whether it was open."""
        session = self._sessions.take(name)
        if session is None:
            return False
        await end_sessions(self.hosted, [session])
        return True

    def _admit(
        self, frame: NewestFrame, digest: bytes, deadline: float, spec: ModelSpec
    ) -> Outcome | Work:
        """Find the answer of a frame, or queue it."""
        check_views(spec, frame.pictures)
        now = time.monotonic()
        session = self._sessions.use(frame.episode, now)
        known = session.known(frame.step, digest)
        if isinstance(known, Work):
            known.deadline = max(known.deadline, deadline)
            return known
        if known is not None:
            self.metrics.cached.inc()
            return known
        if not session.pending and not self._cache.off:
            chain = session.chain_after(digest)
            state = self._cache.find(chain)
            if state is not None:
                session.borrow(frame.step, digest, chain, state)
                self.metrics.cached.inc()
                return state.outcome
        work = Work(
            session=session,
            step=frame.step,
            digest=digest,
            arrived=now,
            deadline=deadline,
            outcome=asyncio.get_running_loop().create_future(),
        )
        session.pending.append(work)
        self._batcher.put(work)
        return work

    async def _decode_slowly(
        self, slow: Sequence[tuple[Work, EncodedFrames]], spec: ModelSpec
    ) -> None:
        loop = asyncio.get_running_loop()
        decoded = [
            loop.run_in_executor(self._decoders, _decoded, pictures, spec) for _, pictures in slow
        ]
        for (work, _), future in zip(slow, decoded, strict=True):
            _decoded_into(work, await future)
            self._batcher.wake()

    async def _wait_for(self, works: dict[int, Work], deadline: float) -> dict[int, Outcome]:
        if works:
            waiting = {work.outcome for work in works.values()}
            await asyncio.wait(waiting, timeout=max(0.0, deadline - time.monotonic()))
        outcomes = {}
        for i, work in works.items():
            if work.outcome.done():
                outcomes[i] = work.outcome.result()
            elif work.handed:
                outcomes[i] = _STILL_READING
            else:
                outcomes[i] = LATE
                if work.deadline <= time.monotonic():  # no later request waits for it
                    work.session.drop(work, LATE)
                    self._batcher.wake()
        return outcomes

    async def _digests(self, frames: Sequence[NewestFrame]) -> list[bytes]:
        size = sum(len(p.data) for frame in frames for p in frame.pictures.values())
        if size <= _INLINE:
            return _content(frames)
        return await asyncio.get_running_loop().run_in_executor(self._decoders, _content, frames)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:  # a defect: say so by health, rather than let clients wait
            self.hosted.give_up(error)

    async def _load(self, on_loaded: Callable[[HostedModel], None] | None) -> None:
        await self.hosted.load()
        if on_loaded is not None:
            on_loaded(self.hosted)
        if self.hosted.holds_elsewhere:
            self._cache.switch_off()

    async def _expire(self) -> None:
        """Close stale episodes, now and then."""
        while True:
            await asyncio.sleep(min(self._settings.expiry / 4.0, 30.0))
            stale = list(self._sessions.take_stale(time.monotonic()))
            self.metrics.expired.inc(len(stale))
            await end_sessions(self.hosted, stale)


def _content(frames: Sequence[NewestFrame]) -> list[bytes]:
    return [digest_of(b"", (), frame.pictures) for frame in frames]


def _refused(error: ServiceError) -> Outcome:
    return Outcome(status=Status.MODEL_ERROR, code=error.code, message=str(error))


def _decoded_into(work: Work, result: Frames | ServiceError) -> None:
    if isinstance(result, ServiceError):
        work.session.drop(work, _refused(result))
    else:
        work.frames = result


def _decoded(pictures: EncodedFrames, spec: ModelSpec) -> Frames | ServiceError:
    try:
        return decoded_frames(pictures, spec)
    except ServiceError as error:
        return error
    # Memory may run out, and Pillow may meet a file that it was never tested with.
    except Exception as error:
        _LOGGER.exception("pictures could not be decoded")
        return ServiceError(Code.BAD_PICTURE, f"{type(error).__name__} while decoding: {error}")
