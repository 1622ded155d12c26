"""Questions that a model answers in words: how they are asked, once or several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kibble.rewards.errors import ConfigError
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Prompt
from kibble.rewards.vlm.questions import Answer, Reply, Say
from kibble.rewards.vlm.readouts.reply import finished_reply
from kibble.rewards.vlm.readouts.uncertainty import sample_confidence

__all__ = ["Spoken", "SpokenOptions", "ask", "read_spoken"]

ReadReply: TypeAlias = "Callable[[Reply], tuple[float, float]]"
"""From a reply to its value and its confidence in [0, 1]; raises ``AnswerError``."""


@dataclass(frozen=True, kw_only=True)
class SpokenOptions(BackendOptions):
    """How a model that answers in words is asked.

    Args:
        constrain: Whether decoding is held to the answers that the prompt allows, so that nothing
            else can be said, whatever stands in a frame or an instruction. The authors do not.
        samples: Answers to each question; above 1 they are drawn and averaged, and the confidence
            says how near they are to each other.
        temperature: Of drawn answers; 0 takes the likeliest, and needs samples=1.
    """

    constrain: bool = False
    samples: int = 1
    temperature: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.samples < 1 or not self.temperature >= 0.0:
            raise ConfigError(
                "`samples` must be at least 1 and `temperature` at least 0, got "
                f"{self.samples} and {self.temperature}."
            )
        if (self.samples > 1) != (self.temperature > 0.0):
            raise ConfigError(
                "`samples` above 1 and `temperature` above 0 belong together, got "
                f"{self.samples} and {self.temperature}; write samples=5&temperature=0.7, or "
                "neither."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What is asked in words.

    Args:
        prompt: What the model goes on with.
        max_tokens: Most tokens of the answer.
        choices: All answers that the prompt allows, for constrained decoding.
        read: From a reply to a value and a confidence.
        low: Least value.
        high: Greatest value.
        top: Likeliest tokens that ``read`` needs at each place.
        adapter: Low-rank adapter that answers.
    """

    prompt: Prompt
    max_tokens: int
    choices: tuple[str, ...]
    read: ReadReply
    low: float
    high: float
    top: int = 0
    adapter: str = ""


def ask(spoken: Spoken, options: SpokenOptions) -> tuple[Say, ...]:
    """Return the question, as many times as there are samples, each with a seed of its own."""
    return tuple(
        Say(
            prompt=spoken.prompt,
            max_tokens=spoken.max_tokens,
            choices=spoken.choices if options.constrain else None,
            top=spoken.top,
            temperature=options.temperature,
            seed=seed,
            adapter=spoken.adapter,
        )
        for seed in range(options.samples)
    )


def read_spoken(spoken: Spoken, answers: Sequence[Answer]) -> tuple[float, float]:
    """Read the answers to :func:`ask`.

    Returns:
        The value, the mean of several; and the confidence in [0, 1].

    Raises:
        AnswerError: If one of them does not follow its grammar.
    """
    read = [spoken.read(finished_reply(answer)) for answer in answers]
    if len(read) == 1:
        return read[0]
    values = [value for value, _ in read]
    return float(np.mean(values)), sample_confidence(values, low=spoken.low, high=spoken.high)
