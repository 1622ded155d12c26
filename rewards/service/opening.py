"""How episodes of one model are opened, at most so many, each once however often it is asked."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar, final

from kibble.rewards.ending import EndsEpisodes
from kibble.rewards.errors import ConfigError, FrameError, KibbleError, ModelError
from kibble.rewards.service.answer_cache import AnswerCache, Remembered, digest_of, remembered
from kibble.rewards.service.answers import Outcome
from kibble.rewards.service.batcher import Batcher, close_session
from kibble.rewards.service.decoding import check_views, decoded_frames
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.hosted_model import HostedModel
from kibble.rewards.service.metrics import ModelMetrics
from kibble.rewards.service.sessions import Session, SessionTable
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import EncodedFrames, OpenRequest
from kibble.rewards.types import Episode, Frames, ModelSpec, RewardModel, Status, Task

__all__ = ["EpisodeOpener", "end_sessions"]

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")

_NAME = re.compile(r"[0-9a-f]{32}")


@final
class EpisodeOpener:
    """Opens episodes of one model, in its thread, between its batches.

    Args:
        hosted: The model.
        sessions: Where open episodes go.
        batcher: The queue before the model.
        cache: Where states of start frames are kept.
        settings: How many may be open.
        metrics: Where figures go.
        decoders: Threads that decode pictures.
    """

    def __init__(
        self,
        hosted: HostedModel,
        sessions: SessionTable,
        batcher: Batcher,
        cache: AnswerCache,
        settings: ServiceSettings,
        *,
        metrics: ModelMetrics,
        decoders: Executor,
    ) -> None:
        self._hosted = hosted
        self._sessions = sessions
        self._batcher = batcher
        self._cache = cache
        self._settings = settings
        self._metrics = metrics
        self._decoders = decoders
        self._under_way: dict[str, tuple[bytes, asyncio.Task[Session]]] = {}

    async def open(self, name: str, request: OpenRequest, deadline: float) -> Session:
        """Open an episode, or open it anew.

        Args:
            name: 32 hexadecimal digits.
            request: What opens it.
            deadline: On the monotonic clock.

        Raises:
            ServiceError: Whatever hinders it.
        """
        spec = self._hosted.spec
        _check_name(name)
        check_views(spec, request.start)
        if spec.needs_goal and request.goal is None:
            raise ServiceError(
                Code.UNSUITABLE,
                f"Reward model {spec.name!r} needs `goal` frames, got none; send a picture of the "
                "finished task.",
            )
        key = await self._in_thread(partial(_key, spec, request))
        session = self._sessions.get(name)
        if session is not None and session.is_untouched(key):
            return self._sessions.use(name, time.monotonic())
        known = self._under_way.get(name)
        if known is None:
            self._check_room(name)
            task = asyncio.create_task(self._open(name, request, key, spec, deadline))
            self._under_way[name] = known = key, task
            task.add_done_callback(lambda done: self._opened(name, done))
        elif known[0] != key:
            raise ServiceError(
                Code.OUT_OF_ORDER,
                "An episode must be open before it is opened anew, got another opening of the "
                "same name under way; wait for its answer.",
            )
        await asyncio.wait({known[1]}, timeout=max(0.0, deadline - time.monotonic()))
        if not known[1].done():
            raise ServiceError(
                Code.LATE, "The deadline passed before the episode was open; send it again."
            )
        return known[1].result()

    def _opened(self, name: str, task: asyncio.Task[Session]) -> None:
        del self._under_way[name]
        if not task.cancelled():
            task.exception()  # seen, also where all who asked have stopped waiting

    async def _open(
        self, name: str, request: OpenRequest, key: bytes, spec: ModelSpec, deadline: float
    ) -> Session:
        state = self._cache.find(key)
        if state is not None and state.task is not None:
            session = Session(state.task, key, state, time.monotonic())
            self._metrics.cached.inc()
        else:
            task, start = await self._in_thread(partial(_task_and_start, request, spec))
            episode, kept = await self._begin(task, start, deadline)
            if kept is not None:
                self._cache.keep(key, kept)
            session = Session(task, key, episode, time.monotonic())
        replaced = self._sessions.put(name, session)
        if replaced is not None:
            await end_sessions(self._hosted, [replaced])
        return session

    async def _begin(
        self, task: Task, start: Frames, deadline: float
    ) -> tuple[Episode, Remembered | None]:
        begun = partial(_begun, task=task, start=start, keeps=not self._cache.off)
        try:
            return await self._batcher.open(begun, deadline)
        except ServiceError:
            raise
        except TimeoutError as error:
            raise ServiceError(Code.LATE, f"The model took too long: {error}") from error
        except (FrameError, ConfigError) as error:
            raise ServiceError(Code.UNSUITABLE, str(error)) from error
        # Whatever else the model raises: its client learns it, the others go on.
        except Exception as error:
            if not isinstance(error, KibbleError | ConnectionError):
                _LOGGER.exception("model %r failed to open an episode", self._hosted.name)
            self._hosted.count(failed=True, reason=str(error))
            raise ServiceError(Code.MODEL_FAILED, f"{type(error).__name__}: {error}") from error

    def _check_room(self, name: str) -> None:
        taken = len(self._sessions) + len(self._under_way)
        if name not in self._sessions and taken >= self._settings.episodes:
            raise ServiceError(
                Code.TOO_MANY_EPISODES,
                f"{self._settings.episodes} episodes may be open, and as many are; close those "
                f"that have ended, or wait: unused ones are closed after "
                f"{self._settings.expiry:g} s.",
                retry_after=min(self._settings.expiry, 10.0),
            )

    async def _in_thread(self, function: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, function)


async def end_sessions(hosted: HostedModel, sessions: Sequence[Session]) -> None:
    """Let go of closed episodes, also of what the model holds for them elsewhere."""
    for session in sessions:
        close_session(session)
    if not sessions or not hosted.holds_elsewhere:
        return
    try:
        await hosted.call(lambda model: _end_in_model(model, sessions))
    # It concerns nobody who still asks; what is held elsewhere expires there.
    except Exception:
        _LOGGER.exception("model %r failed to end episodes", hosted.name)


def _end_in_model(model: RewardModel, sessions: Sequence[Session]) -> None:
    if isinstance(model, EndsEpisodes):
        model.end([session.own_episode() for session in sessions])


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ServiceError(
            Code.MALFORMED,
            f"An episode must be named by 32 hexadecimal digits, got {name[:40]!r}; draw them at "
            "random, as `uuid.uuid4().hex` does.",
        )


def _key(spec: ModelSpec, request: OpenRequest) -> bytes:
    parts = (request.start, request.goal, request.reference, request.demonstration)
    return digest_of(
        b"",
        (spec.version, request.instruction),
        *({} if part is None else part for part in parts),
    )


def _task_and_start(request: OpenRequest, spec: ModelSpec) -> tuple[Task, Frames]:
    def decoded(frames: EncodedFrames | None) -> Frames | None:
        return None if frames is None else decoded_frames(frames, spec)

    task = Task(
        instruction=request.instruction,
        goal_frames=decoded(request.goal),
        start_frames=decoded(request.reference),
        demonstration=decoded(request.demonstration),
    )
    return task, decoded_frames(request.start, spec)


def _begun(
    model: RewardModel, task: Task, start: Frames, keeps: bool
) -> tuple[Episode, Remembered | None]:
    episode = model.begin(task, start)
    if not 0.0 <= episode.progress <= 1.0:
        raise ModelError(
            f"a start frame must have progress in [0, 1], got {episode.progress}; mend the model."
        )
    outcome = Outcome(status=Status.OK, progress=float(episode.progress))
    return episode, remembered(outcome, episode, opened=True) if keeps else None
