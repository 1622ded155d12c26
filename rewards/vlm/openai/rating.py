"""How likely fixed answers are, read from a server exactly or not at all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import numpy as np

from kibble.rewards.vlm.openai.completion import Completion
from kibble.rewards.vlm.openai.errors import UnusableError
from kibble.rewards.vlm.prompt import Prompt, Turn
from kibble.rewards.vlm.questions import Rate, Ratings

__all__ = ["FIRST_TOKENS", "first_token_logprobs", "prolonged", "rate"]

FIRST_TOKENS = 20  # the most that OpenAI's protocol and vLLM's default allow to ask for


async def rate(
    question: Rate,
    *,
    first: Callable[[], Awaitable[Completion]],
    read: Callable[[Prompt], Awaitable[Completion]] | None,
) -> Ratings:
    """Rate answers.

    An answer that is one of the likeliest first tokens has that token's probability. Any other is
    improbable or of several tokens: a server that tells the log-probabilities of a prompt's own
    tokens is given the answer as the prompt's end, and those of its tokens are added.

    Args:
        question: The answers to rate.
        first: Asks for the likeliest first tokens after the prompt.
        read: Asks for the log-probabilities of a prompt's tokens; ``None`` if the server does not
            tell them.

    Raises:
        UnusableError: If an answer's probability cannot be known exactly.
    """
    begun = await first()
    known = first_token_logprobs(begun)
    others = [answer for answer in question.answers if answer not in known]
    if others and read is None:
        raise UnusableError(
            f"The answer {others[0]!r} must be one of the {FIRST_TOKENS} likeliest first tokens "
            f"to be rated by this server, got {_likeliest(known)}; serve the weights by vLLM, or "
            "use backend=local."
        )
    if read is not None:
        prompts = [prolonged(question.prompt, answer) for answer in others]
        wholes = await asyncio.gather(*(read(prompt) for prompt in prompts))
        for answer, whole in zip(others, wholes, strict=True):
            known[answer] = _of_ending(begun, whole, answer)
    return Ratings(logprobs=np.asarray([known[answer] for answer in question.answers]))


def first_token_logprobs(begun: Completion) -> dict[str, float]:
    """Return the first token and its rivals, by text.

    Raises:
        UnusableError: If the server gave no log-probabilities.
    """
    tokens = begun.tokens
    if not tokens or not tokens[0].top:
        raise UnusableError(
            f"The server must give log-probabilities of the likeliest tokens, got {begun.reply!r}."
        )
    return dict(tokens[0].top)


def prolonged(prompt: Prompt, answer: str) -> Prompt:
    """Return the prompt with an answer begun or prolonged by a text.

    >>> prompt = Prompt(turns=(Turn("user", ("Done?",)),))
    >>> prolonged(prompt, "yes").turns[-1]
    Turn(role='assistant', parts=('yes',))
    """
    last = prompt.turns[-1]
    if prompt.open_ended or last.role == "assistant":
        longer = Turn(last.role, (*last.parts, answer))
        return replace(prompt, turns=(*prompt.turns[:-1], longer))
    return replace(prompt, turns=(*prompt.turns, Turn("assistant", (answer,))))


def _of_ending(begun: Completion, whole: Completion, answer: str) -> float:
    """Return the log-probability of the tokens by which the second prompt is longer."""
    start = len(begun.prompt_ids)
    ending = whole.prompt_tokens[start:]
    if (
        not start
        or whole.prompt_ids[:start] != begun.prompt_ids
        or "".join(token.text for token in ending) != answer
    ):
        raise UnusableError(
            f"The tokens of the answer {answer!r} must follow those of the prompt, got "
            f"{[token.text for token in ending]} after {start}; the server's template changes "
            "them: use backend=local."
        )
    logprob = math.fsum(token.logprob for token in ending)
    if math.isnan(logprob):
        raise UnusableError(f"The server must rate every token of {answer!r}, got NaN.")
    return logprob


def _likeliest(known: dict[str, float]) -> Sequence[str]:
    return sorted(known, key=known.__getitem__, reverse=True)[:5]
