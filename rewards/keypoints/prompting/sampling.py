"""How often a question is answered, and which of the answers can be read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.types import Status
from kibble.rewards.vlm.questions import Answer, Failure, Reply
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.reply import finished_reply

__all__ = ["UNREADABLE", "Sampling", "readable", "reply_of"]

_LOGGER = logging.getLogger(__name__)

Read = TypeVar("Read")
UNREADABLE = (AnswerError, ProposalError, TimeoutError)
"""What an answer that is none may raise."""
_LONGEST = 400  # characters of a reason; a model may run on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How often and how freely a question is answered.

    Args:
        samples: Answers to each question, at least 1.
        temperature: Of drawn answers; 0 takes the likeliest.
        constrain: Whether decoding is held to marks that exist and to a few common ways.

    Raises:
        ConfigError: If there are no samples, or several that would all be the likeliest.
    """

    samples: int = 1
    temperature: float = 0.0
    constrain: bool = False

    def __post_init__(self) -> None:
        if self.samples < 1 or not self.temperature >= 0.0:
            raise ConfigError(
                "`samples` must be at least 1 and `temperature` at least 0, got "
                f"{self.samples} and {self.temperature}."
            )
        if self.samples > 1 and not self.temperature > 0.0:
            raise ConfigError(
                f"`samples` above 1 needs `temperature` above 0, got {self.samples} and "
                f"{self.temperature}; write samples=5&temperature=0.7."
            )


def readable(read: Callable[[int], Read], sampling: Sampling, *, source: str) -> list[Read]:
    """Read all samples, of which at least half have to follow their grammar.

    Args:
        read: From the number of a sample to what it says.
        sampling: How many there are.
        source: Who answered, for texts.

    Returns:
        What could be read, in order.

    Raises:
        ProposalError: If too little could be read, naming the first reason.
        TimeoutError: If that was a time out.
    """
    samples: list[Read] = []
    failures: list[Exception] = []
    for number in range(sampling.samples):
        try:
            samples.append(read(number))
        except UNREADABLE as error:
            _LOGGER.info("%s: answer %d: %s", source, number, error)
            failures.append(error)
    if 2 * len(samples) >= sampling.samples:
        return samples
    first = failures[0]
    if isinstance(first, TimeoutError):
        raise first
    reason = str(first)
    if len(reason) > _LONGEST:
        reason = f"{reason[: _LONGEST // 2]} … {reason[-_LONGEST // 2 :]}"
    raise ProposalError(
        f"{len(failures)} of {sampling.samples} answers of {source!r} are no proposal, the first "
        f"for this: {reason}"
    ) from first


def reply_of(answer: Answer) -> Reply:
    """Return a finished reply.

    Raises:
        TimeoutError: If the model took too long.
        ProposalError: If it failed in another way.
        AnswerError: If the reply was cut off.
    """
    if isinstance(answer, Failure):
        if answer.status is Status.TIMEOUT:
            raise TimeoutError(answer.reason)
        raise ProposalError(f"The model must answer, got {answer.status.name}: {answer.reason}")
    return finished_reply(answer)
