"""A reward model behind a service: episodes are opened there, frames are sent, answers read."""

from __future__ import annotations

import itertools
import logging
import uuid
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar, cast, final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.adapters.remote import Options
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import FrameError, ModelError
from kibble.rewards.frames import check_frames
from kibble.rewards.remote.batches import Batch, in_batches
from kibble.rewards.remote.connection import Connection
from kibble.rewards.remote.outages import Outage
from kibble.rewards.service.answers import (
    Estimates,
    Outcome,
    Served,
    decode_estimates,
    decode_opened,
    decode_served,
)
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import EncodedPicture, PictureFormat, encode_picture
from kibble.rewards.service.wire import (
    EncodedFrames,
    EstimateRequest,
    NewestFrame,
    OpenRequest,
    encode_estimate_request,
    encode_open_request,
)
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["RemoteModel"]

_LOGGER = logging.getLogger(__name__)

_AT_ONCE = 8  # requests
_DEFECTS = (Code.MALFORMED, Code.UNAUTHORISED, Code.UNKNOWN_MODEL, Code.WRONG_CONTENT_TYPE)

_InT = TypeVar("_InT")
_OutT = TypeVar("_OutT")


@final
class RemoteModel:
    """A :class:`RewardModel` that a service answers for.

    An episode remembers its start frames. Where the service does not know it (any more), because
    it was started again or closed what was unused, it is opened again from these and the newest
    frames are read once more; what a model with a history had seen in between is lost to it. While
    the service is away every call raises :class:`ServiceAwayError`, at once but for those that try
    it, and :class:`OutageError` once ``max_outage`` is over.

    Args:
        connection: To the service.
        name: Of the model there.
        served: What the service offers.
        options: How pictures travel, and over how many replicas episodes are spread.
    """

    def __init__(
        self, connection: Connection, name: str, served: Served, options: Options
    ) -> None:
        self._connection = connection
        self._name = name
        self._path = f"/v1/models/{quote(name, safe='')}"
        self._spec = served.models[name]
        self._limits = served.limits
        self._format = cast("PictureFormat", options.format)  # Options refuses others
        self._quality = options.quality
        self._sessions = itertools.cycle([uuid.uuid4().hex for _ in range(options.sessions)])
        self._said = ""
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="kibble-remote")
        weakref.finalize(self, _close, connection, self._threads)

    @property
    def spec(self) -> ModelSpec:
        """What the service says of the model; the version is that of the newest answer."""
        return self._spec

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Times in which the service was away, oldest first; the last may still go on."""
        return self._connection.availability.outages

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode on the service; see :class:`RewardModel`.

        Raises:
            FrameError: If frames do not suit the model or the service.
            ModelError: If the model fails on them.
            ServiceAwayError: If the service is away.
            OutageError: If it has been so for longer than ``max_outage``.
            TimeoutError: If it did not answer in time.
            ServiceError: If it refuses the request for another reason.
        """
        check_frames(start_frames, views=self._spec.required_views, count=1)
        start = {view: images.copy() for view, images in start_frames.items()}
        episode = Episode(task=task, memory={"session": next(self._sessions), "start": start})
        episode.progress = self._open(episode)
        return episode

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Have the service read the frames; see :class:`RewardModel`.

        Raises:
            As :meth:`begin`.
        """
        check_frames(frames, views=self._spec.required_views, count=len(episodes))
        for episode in episodes:
            episode.steps += 1
        pictures = [
            {view: self._picture(view, images[i]) for view, images in frames.items()}
            for i in range(len(episodes))
        ]
        outcomes = self._ask(episodes, pictures)
        lost = [i for i, outcome in enumerate(outcomes) if _is_lost(outcome)]
        if lost:
            again = [episodes[i] for i in lost]
            self._each(self._open, again)
            answers = self._ask(again, [pictures[i] for i in lost])
            for i, outcome in zip(lost, answers, strict=True):
                outcomes[i] = outcome
        for episode, outcome in zip(episodes, outcomes, strict=True):
            _remember(episode, outcome)
            self._mention_trouble(outcome)
        return _estimate(outcomes)

    def end(self, episodes: Sequence[Episode]) -> None:
        """Close episodes on the service, unless it is away; see :class:`EndsEpisodes`."""
        for episode in episodes:
            memory = episode.memory
            self._connection.mention(
                "DELETE",
                f"{self._path}/episodes/{memory['name']}",
                session=str(memory["session"]),
            )

    def close(self) -> None:
        """Close all connections."""
        _close(self._connection, self._threads)

    def _open(self, episode: Episode) -> float:
        """Open an episode under a new name and return the progress of its start frames."""
        task, memory = episode.task, episode.memory
        request = OpenRequest(
            instruction=task.instruction,
            start=self._encoded(cast("Frames", memory["start"])),
            goal=None if task.goal_frames is None else self._encoded(task.goal_frames),
            reference=None if task.start_frames is None else self._encoded(task.start_frames),
            demonstration=(
                None if task.demonstration is None else self._encoded(task.demonstration)
            ),
        )
        name = uuid.uuid4().hex
        try:
            answer = self._connection.ask(
                "PUT",
                f"{self._path}/episodes/{name}",
                lambda left: encode_open_request(replace(request, timeout=left)),
                session=str(memory["session"]),
                frames=1,
            )
        except ServiceError as error:
            raise _translated(error) from error
        opened = decode_opened(answer)
        memory["name"] = name
        self._meet(opened.version)
        return opened.progress

    def _ask(
        self, episodes: Sequence[Episode], pictures: Sequence[dict[str, EncodedPicture]]
    ) -> list[Outcome]:
        """Ask about frames; replicas and large batches side by side."""
        frames = [
            NewestFrame(episode=str(episode.memory["name"]), step=episode.steps, pictures=seen)
            for episode, seen in zip(episodes, pictures, strict=True)
        ]
        sessions = [str(episode.memory["session"]) for episode in episodes]
        batches = in_batches(frames, sessions, self._limits)
        answers = self._each(self._send, batches)
        outcomes: dict[int, Outcome] = {}
        for batch, answer in zip(batches, answers, strict=True):
            outcomes.update(zip(batch.numbers, answer.outcomes, strict=True))
            self._meet(answer.version)
        return [outcomes[i] for i in range(len(episodes))]

    def _each(self, does: Callable[[_InT], _OutT], things: Sequence[_InT]) -> list[_OutT]:
        """Do something with each of several things, side by side; all are over in the end."""
        if len(things) == 1:
            return [does(things[0])]
        futures = [self._threads.submit(does, thing) for thing in things]
        wait(futures)
        return [future.result() for future in futures]

    def _send(self, batch: Batch) -> Estimates:
        request = EstimateRequest(frames=batch.frames)
        try:
            answer = self._connection.ask(
                "POST",
                f"{self._path}/estimates",
                lambda left: encode_estimate_request(replace(request, timeout=left)),
                session=batch.session,
                frames=len(batch.frames),
            )
        except ServiceError as error:
            raise _translated(error) from error
        return decode_estimates(answer, len(batch.frames))

    def _meet(self, version: str) -> None:
        """Learn what the model is now, if it is another than before."""
        if version == self._spec.version:
            return
        served = decode_served(self._connection.ask("GET", "/v1/models"))
        if self._name not in served.models:
            raise ModelError(
                f"The service must go on serving {self._name!r}, got only "
                f"{', '.join(served.models) or 'nothing'}; serve it again."
            )
        self._spec = replace(served.models[self._name], version=version)
        self._limits = served.limits

    def _mention_trouble(self, outcome: Outcome) -> None:
        if outcome.message and outcome.message != self._said:
            self._said = outcome.message
            _LOGGER.warning("Reward service, model %r: %s", self._name, outcome.message)

    def _picture(self, view: str, pixels: NDArray[np.uint8]) -> EncodedPicture:
        lossy = self._format == "jpeg"
        if lossy and view.endswith(DEPTH_SUFFIX):  # its bytes are digits of one number
            return encode_picture(pixels, format="png")
        return encode_picture(pixels, format=self._format, quality=self._quality)

    def _encoded(self, frames: Frames) -> EncodedFrames:
        return {
            view: tuple(self._picture(view, image) for image in images)
            for view, images in frames.items()
        }


def _is_lost(outcome: Outcome) -> bool:
    """Whether the service does not know the episode, or has gone on with it without this run.

    The latter is met by a run that goes on from a checkpoint older than its last frames.
    """
    code = outcome.code
    return code is not None and (code.reopens or code is Code.OUT_OF_ORDER)


def _remember(episode: Episode, outcome: Outcome) -> None:
    episode.memory.pop("disagreement", None)
    if outcome.status is not Status.OK:
        return
    episode.progress = outcome.progress
    if np.isfinite(outcome.disagreement):
        episode.memory["disagreement"] = outcome.disagreement


def _estimate(outcomes: Sequence[Outcome]) -> Estimate:
    return Estimate(
        progress=np.array([outcome.progress for outcome in outcomes], np.float32),
        success=np.array([outcome.success for outcome in outcomes], np.float32),
        confidence=np.array([outcome.confidence for outcome in outcomes], np.float32),
        status=np.array([outcome.status for outcome in outcomes], np.int8),
    )


def _translated(error: ServiceError) -> Exception:
    """Return the error that a model in this process would have raised.

    Defects of this client, of the address or of the token stay what they are, and stop a run.
    """
    if error.code in (Code.BAD_PICTURE, Code.UNSUITABLE, Code.TOO_LARGE):
        return FrameError(str(error))
    return error if error.code in _DEFECTS else ModelError(str(error))


def _close(connection: Connection, threads: ThreadPoolExecutor) -> None:
    threads.shutdown()
    connection.close()
