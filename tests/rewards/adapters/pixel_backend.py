"""A back end that sees: the brightness of a picture stands for progress, and it says what it sees.

It answers as a good model of each kind would, by a function of the question alone, so that what
layouts ask, remember and fuse can be held against plain arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from kibble.rewards.types import Frames
from kibble.rewards.vlm.backend import BackendSpec
from kibble.rewards.vlm.prompt import Clip, Part, Picture
from kibble.rewards.vlm.questions import Answer, Probe, Question, Rate, Ratings, Reply, Say, Token

__all__ = ["PixelBackend", "brightness", "frames", "pictures_of", "spoken", "text_of"]


def frames(progress: float, *, views: Sequence[str] = ("front",), n: int = 1) -> Frames:
    """N equal frames whose brightness is the progress; a dark corner tells the views apart."""
    made = {}
    for i, view in enumerate(views):
        image = np.full((12, 16, 3), round(progress * 255.0), np.uint8)
        image[0, : i + 1] = 7
        made[view] = np.repeat(image[None], n, axis=0)
    return made


def brightness(picture: Picture) -> float:
    """Progress that a picture of :func:`frames` shows."""
    return float(picture.pixels[6:].mean()) / 255.0


def pictures_of(question: Question) -> list[Picture]:
    """All pictures of a question in order."""
    return [part for part in _parts(question) if isinstance(part, Picture)]


def text_of(question: Question) -> str:
    """The text of a question's turns, with ``<image>`` and ``<video>`` where those are."""
    marks = {Picture: "<image>", Clip: "<video>"}
    return "".join(
        part if isinstance(part, str) else marks[type(part)] for part in _parts(question)
    )


def _parts(question: Question) -> list[Part]:
    return [part for turn in question.prompt.turns for part in turn.parts]


def spoken(text: str, *, probability: float = 0.5) -> Reply:
    """A reply of one token, said with a probability."""
    token = Token(text=text, logprob=float(np.log(probability)))
    return Reply(text=text, tokens=(token,))


@final
class PixelBackend:
    """Answers each question by a function of it, and keeps what was asked.

    Args:
        speak: From a question to its answer; a string is said, a pair are the probabilities of
            rated answers.
    """

    def __init__(self, speak: Callable[[Question], str | Sequence[float] | Answer]) -> None:
        self._speak = speak
        self.asked: list[list[Question]] = []

    @property
    def spec(self) -> BackendSpec:
        return BackendSpec(name="pixels", version="1", device="cpu")

    @property
    def last(self) -> list[Question]:
        return self.asked[-1]

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        self.asked.append(list(questions))
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        assert not isinstance(question, Probe)
        said = self._speak(question)
        if isinstance(question, Rate) and isinstance(said, tuple | list):
            return Ratings(logprobs=np.log(np.asarray(said, np.float64)))
        if isinstance(said, str):
            assert isinstance(question, Say)
            return spoken(said)
        return said
