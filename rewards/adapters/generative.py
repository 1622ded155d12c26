"""A reward model made of a layout, what is asked and how it is read, and of a back end."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, final, runtime_checkable

import numpy as np

from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.frames import check_frames
from kibble.rewards.remote.outages import Outage
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task
from kibble.rewards.vlm.asked import answers_from
from kibble.rewards.vlm.backend import Backend, DistantBackend
from kibble.rewards.vlm.instruction import check_instruction
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Answer, Failure, Question
from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["GenerativeReward", "Layout", "Pictures", "Reading", "ThinningLayout"]

_LOGGER = logging.getLogger(__name__)

Pictures: TypeAlias = "Mapping[str, Picture]"
"""View to its newest picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a layout reads from answers, all in [0, 1]."""

    progress: float
    success: float
    confidence: float


class Layout(Protocol):
    """What a published reward model is asked, and how its answers are read.

    A layout keeps what an episode needs in ``Episode.memory`` as plain arrays, numbers and strings
    (they go into checkpoints). It never calls a back end; what is costly to compute twice is the
    back end's to remember.
    """

    @property
    def spec(self) -> ModelSpec:
        """What the model is; ``version`` names the layout and its options alone."""
        ...

    def begin(self, episode: Episode, start: Pictures) -> float | None:
        """Note the start; return its progress where that is known, ``None`` to ask for it."""
        ...

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        """Note the newest pictures and return what to ask about them.

        A :class:`Failure` instead says that nothing can be asked, such as ``MISSING_VIEW``. No
        question at all is fine: the pictures then are read without an answer.
        """
        ...

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read the answers, one for each question and none a failure.

        Only pictures that were read become the "before" of later questions.

        Raises:
            AnswerError: If an answer does not follow its grammar.
        """
        ...


@runtime_checkable
class ThinningLayout(Layout, Protocol):
    """A layout that leaves out frames which come faster than its model reads."""

    def at_frame_rate(self, frame_rate: float) -> Layout:
        """Return the layout for frames that come at this rate; its own option has its way."""
        ...


@final
class GenerativeReward:
    """Any layout over any back end, as a reward model.

    All questions of a call go to the back end at once. A failure of one of a frame's questions is
    the status of that frame; what does not follow the grammar is ``PARSE_ERROR``: nothing is ever
    read as a number that is none.

    Args:
        layout: What is asked and how it is read.
        backend: What answers.
    """

    def __init__(self, layout: Layout, backend: Backend) -> None:
        self._layout = layout
        self._backend = backend

    @property
    def spec(self) -> ModelSpec:
        """What the model is; its version covers weights and layout."""
        spec = self._layout.spec
        both = f"{self._backend.spec.version}/{spec.version}".encode()
        return replace(spec, version=hashlib.sha256(both).hexdigest()[:16])

    @property
    def backend(self) -> Backend:
        """What answers."""
        return self._backend

    @property
    def device(self) -> str:
        """Where the back end computes."""
        return self._backend.spec.device

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages of the server that answers, if one does, oldest first."""
        if not isinstance(self._backend, DistantBackend):
            return ()
        return self._backend.availability.outages

    def at_frame_rate(self, frame_rate: float) -> GenerativeReward:
        """Return the same model for frames that come at this rate.

        See :class:`kibble.rewards.frame_rate.ThinsFrames`.
        """
        if not isinstance(self._layout, ThinningLayout):
            return self
        return GenerativeReward(self._layout.at_frame_rate(frame_rate), self._backend)

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode.

        Args:
            task: What success looks like.
            start_frames: The episode's first frames, (1, H, W, 3) uint8 RGB per view.

        Returns:
            The episode; ``progress`` holds the reading of the start frames.

        Raises:
            ConfigError: If the model needs goal frames and the task has none, or the instruction
                holds signs that prompts reserve.
            FrameError: If a required view is missing or an array is not uint8 (1, H, W, 3).
            ModelError: If the start frames had to be read and could not be;
                :class:`AnswerError` where the answer does not follow its grammar.
            TimeoutError: If that took too long.
            ServiceAwayError: If the back end is a server that cannot be reached.
            OutageError: If it has been away for longer than it may.
        """
        spec = self._layout.spec
        check_instruction(task.instruction)
        check_frames(start_frames, views=spec.required_views, count=1)
        if spec.needs_goal and task.goal_frames is None:
            raise ConfigError(
                f"Reward model {spec.name!r} needs `goal_frames`, got a task without; give a "
                "picture of the finished task."
            )
        episode = Episode(task=task)
        start = _pictures(start_frames, 0, spec)
        known = self._layout.begin(episode, start)
        if known is None:
            asked = self._layout.questions(episode, start)
            outcome = (
                asked
                if isinstance(asked, Failure)
                else self._read(episode, start, answers_from(self._backend, asked, frames=1))
            )
            if isinstance(outcome, Failure):
                if outcome.status is Status.TIMEOUT:
                    raise TimeoutError(outcome.reason)
                kind = AnswerError if outcome.status is Status.PARSE_ERROR else ModelError
                raise kind(
                    f"Reward model {spec.name!r} must read the start frames, got "
                    f"{outcome.status.name}: {outcome.reason}"
                )
            known = outcome.progress
        episode.progress = known
        return episode

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read N frames, frame ``i`` being the newest of ``episodes[i]``, in one batch.

        Args:
            episodes: N distinct open episodes; updated in place.
            frames: (N, H, W, 3) uint8 RGB per view.

        Returns:
            The estimate of each frame; where the status is not ``OK`` the rest is NaN.

        Raises:
            FrameError: If a required view is missing or the frames do not fit the episodes.
            ServiceAwayError: If the back end is a server that cannot be reached.
            OutageError: If it has been away for longer than it may.
        """
        spec = self._layout.spec
        check_frames(frames, views=spec.required_views, count=len(episodes))
        newest = [_pictures(frames, i, spec) for i in range(len(episodes))]
        asked = [
            self._layout.questions(episode, pictures)
            for episode, pictures in zip(episodes, newest, strict=True)
        ]
        flat = [
            question
            for questions in asked
            if not isinstance(questions, Failure)
            for question in questions
        ]
        answers = iter(answers_from(self._backend, flat, frames=len(episodes)))
        columns = np.full((3, len(episodes)), np.nan, np.float32)
        status = np.full(len(episodes), Status.OK, np.int8)
        for i, (episode, questions) in enumerate(zip(episodes, asked, strict=True)):
            outcome = (
                questions
                if isinstance(questions, Failure)
                else self._read(episode, newest[i], [next(answers) for _ in questions])
            )
            episode.steps += 1
            if isinstance(outcome, Failure):
                status[i] = outcome.status
                _LOGGER.info("%s: %s: %s", spec.name, outcome.status.name, outcome.reason)
                continue
            episode.progress = outcome.progress
            columns[:, i] = outcome.progress, outcome.success, outcome.confidence
        return Estimate(
            progress=columns[0], success=columns[1], confidence=columns[2], status=status
        )

    def _read(
        self, episode: Episode, newest: Pictures, answers: Sequence[Answer]
    ) -> Reading | Failure:
        for answer in answers:
            if isinstance(answer, Failure):
                return answer
        try:
            return self._layout.read(episode, newest, answers)
        except AnswerError as error:
            return Failure(status=Status.PARSE_ERROR, reason=str(error))


def _pictures(frames: Frames, i: int, spec: ModelSpec) -> Pictures:
    return {view: Picture(frames[view][i]) for view in spec.views if view in frames}
