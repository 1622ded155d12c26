"""Remember the answers of questions, so that one asked twice is answered once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import final

from kibble.rewards.vlm.prompt import Clip, Picture, Prompt
from kibble.rewards.vlm.questions import Answer, Failure, Probe, Question, Rate, Say

__all__ = ["Memo", "question_key"]


@final
class Memo:
    """The latest answers by the content of their questions.

    Equal questions of one call are asked once. Answers that are certain to come again (nothing is
    sampled, nothing failed) are kept for later calls.

    Args:
        entries: Answers that are kept.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, questions: Sequence[Question], ask: Callable[[list[Question]], Sequence[Answer]]
    ) -> list[Answer]:
        """Answer Q questions; ``ask`` is called with those that are new, if any."""
        keys = [question_key(question) for question in questions]
        with self._lock:
            known = {key: self._answers[key] for key in keys if key in self._answers}
            for key in known:
                self._answers.move_to_end(key)
        new = {
            key: question
            for key, question in zip(keys, questions, strict=True)
            if key not in known
        }
        if new:
            answers = ask(list(new.values()))
            known.update(zip(new, answers, strict=True))
            self._keep({key: known[key] for key, question in new.items() if _certain(question)})
        return [known[key] for key in keys]

    def _keep(self, answers: dict[bytes, Answer]) -> None:
        with self._lock:
            for key, answer in answers.items():
                if not isinstance(answer, Failure):
                    self._answers[key] = answer
            while len(self._answers) > self._entries:
                self._answers.popitem(last=False)


def question_key(question: Question) -> bytes:
    """Return 128 bits of all that a question's answer depends on.

    >>> from kibble.rewards.vlm.prompt import Turn
    >>> yes, no = (Prompt(turns=(Turn("user", (text,)),)) for text in ("yes?", "no?"))
    >>> question_key(Say(prompt=yes)) == question_key(Say(prompt=yes))
    True
    >>> question_key(Say(prompt=yes)) == question_key(Say(prompt=no))
    False
    """
    content = hashlib.blake2b(digest_size=16)
    for field in (type(question).__name__, *_prompt_fields(question.prompt), *_own(question)):
        data = field if isinstance(field, bytes) else repr(field).encode()
        content.update(f"{len(data)}:".encode())
        content.update(data)
    return content.digest()


def _own(question: Question) -> tuple[object, ...]:
    if isinstance(question, Say):
        return (
            question.adapter,
            question.max_tokens,
            question.choices,
            question.top,
            question.temperature,
            question.seed if question.temperature else 0,
        )
    if isinstance(question, Rate):
        return question.adapter, question.answers
    return question.adapter, question.tokens


def _prompt_fields(prompt: Prompt) -> list[object]:
    fields: list[object] = [prompt.pixels, prompt.open_ended]
    for turn in prompt.turns:
        fields += ["turn", turn.role]
        for part in turn.parts:
            if isinstance(part, Picture):
                fields += ["picture", part.key]
            elif isinstance(part, Clip):
                fields += ["clip", part.fps, *(frame.key for frame in part.frames)]
            else:
                fields += ["text", part]
    return fields


def _certain(question: Question) -> bool:
    return isinstance(question, Rate | Probe) or not question.temperature
