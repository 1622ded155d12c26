"""A back end that answers from the pixels: how bright a frame is, is how far the task has come."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

from kibble.rewards.vlm.backend import BackendSpec
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt
from kibble.rewards.vlm.questions import (
    Answer,
    HiddenStates,
    Probe,
    Question,
    Rate,
    Ratings,
    Reply,
    Say,
    Token,
)

__all__ = ["SeeingBackend", "brightness", "described", "grey"]


def grey(level: float, size: tuple[int, int] = (6, 8)) -> np.ndarray:
    """One frame, (1, H, W, 3) uint8, of one brightness in [0, 1]."""
    return np.full((1, *size, 3), round(255 * level), np.uint8)


def brightness(picture: Picture) -> float:
    return float(picture.pixels.mean()) / 255.0


def described(prompt: Prompt) -> list[object]:
    """A prompt's parts, pictures by their brightness, so that a whole prompt can be compared."""
    parts: list[object] = []
    for turn in prompt.turns:
        parts.append(f"[{turn.role}]")
        for part in turn.parts:
            if isinstance(part, Picture):
                parts.append(round(brightness(part), 2))
            elif isinstance(part, Clip):
                parts.append(([round(brightness(f), 2) for f in part.frames], part.fps))
            else:
                parts.append(part)
    return parts


class SeeingBackend:
    """Reads the last picture of a prompt, or all of them where a list is asked for.

    Args:
        speak: Makes the text of a reply from the brightness of all pictures, oldest first.
        instead: Answers that are given in place of the next ones.
    """

    spec = BackendSpec(name="pixels", version="1", device="cpu", probes=True)

    def __init__(
        self,
        speak: Callable[[list[float]], str] = lambda seen: f"ANSWER: {1 + round(4 * seen[-1])}",
        instead: Sequence[Answer] = (),
    ) -> None:
        self.asked: list[Question] = []
        self.instead = list(instead)
        self._speak = speak

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        self.asked += questions
        return [self.instead.pop(0) if self.instead else self._answer(q) for q in questions]

    def _answer(self, question: Question) -> Answer:
        seen = [brightness(picture) for picture in pictures_of(question.prompt)]
        if isinstance(question, Rate):
            spread = -np.abs(np.linspace(1.0, 0.0, len(question.answers))[::-1] - seen[-1])
            if len(question.answers) == 2:  # the first answer is the one that says "done"
                spread = np.log(np.array([seen[-1], 1.0 - seen[-1]]) / 2.0 + 1e-9)
            return Ratings(logprobs=spread.astype(np.float64) - 2.0)
        if isinstance(question, Probe):
            states = np.array([[level, 1.0, -level, 0.5] for level in seen], np.float32)
            return HiddenStates(states={question.tokens[0]: states})
        assert isinstance(question, Say)
        text = self._speak(seen)
        if question.choices is not None and text not in question.choices:
            text = question.choices[0]
        return Reply(text=text, tokens=(Token(text=text, logprob=float(np.log(0.8))),))


def pictures_of(prompt: Prompt) -> list[Picture]:
    found: list[Picture] = []
    for turn in prompt.turns:
        for part in turn.parts:
            if isinstance(part, Clip):
                found += part.frames
            elif isinstance(part, Picture):
                found.append(part)
    return found


def listed(seen: list[float]) -> str:
    """The JSON list of all pictures but the first, in the order in which they were shown."""
    return json.dumps(
        [
            {"frame_number": i, "task_completion_percentage": round(100 * level, 3)}
            for i, level in enumerate(seen[1:], start=1)
        ]
    )
