"""The questions that reward models put to a vision-language model, and the answers.

Three kinds are enough for every published reward: let it speak, rate fixed answers, and look at
hidden states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Status
from kibble.rewards.vlm.prompt import Prompt

__all__ = [
    "Answer",
    "Failure",
    "HiddenStates",
    "Probe",
    "Question",
    "Rate",
    "Ratings",
    "Reply",
    "Say",
    "Token",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Say:
    """Let the model speak; the answer is a :class:`Reply`.

    Args:
        prompt: What it goes on with.
        max_tokens: Most tokens of the answer.
        choices: Where given, the answer is one of these strings and nothing else: decoding is
            constrained to them, so that no text in a frame or an instruction leads it elsewhere.
        top: How many of the likeliest tokens are reported at each place, 0 to 20.
        temperature: 0 takes the likeliest token; above 0 samples.
        seed: Seed of the sampling.
        adapter: Name of the low-rank adapter (LoRA) that answers; "" is the bare model.
    """

    prompt: Prompt
    max_tokens: int = 64
    choices: tuple[str, ...] | None = None
    top: int = 0
    temperature: float = 0.0
    seed: int = 0
    adapter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rate:
    """Ask how likely each of fixed answers is; the answer is :class:`Ratings`."""

    prompt: Prompt
    answers: tuple[str, ...]
    adapter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """Look at the hidden states over a special token; the answer is :class:`HiddenStates`.

    Args:
        prompt: What the model reads.
        token: Special tokens at whose places the last hidden layer is read.
    """

    prompt: Prompt
    tokens: tuple[str, ...]
    adapter: str = ""


Question: TypeAlias = "Say | Rate | Probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One generated token.

    Args:
        text: Its text, special tokens included.
        logprob: Natural logarithm of its probability (before constraints and temperature); NaN
            where the back end does not tell.
        top: The likeliest tokens at its place and their logarithms, as many as were asked for.
    """

    text: str
    logprob: float
    top: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model said.

    Args:
        text: The answer without special tokens.
        tokens: Its tokens.
        finished: Whether it ended by itself, not by ``max_tokens``.
    """

    text: str
    tokens: tuple[Token, ...] = ()
    finished: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratings:
    """How likely each answer is.

    Args:
        logprobs: (C,) float64 <= 0, natural logarithm of the probability that the model goes on
            with the whole of that answer; not normalised over the answers.
    """

    logprobs: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenStates:
    """The last hidden layer at the places of a token.

    Args:
        states: Token to (K, D) float32, in the order in which it stands in the prompt.
    """

    states: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A question without an answer.

    Args:
        status: Never ``OK``.
        reason: One sentence for the log.
    """

    status: Status
    reason: str


Answer: TypeAlias = "Reply | Ratings | HiddenStates | Failure"
