"""Read the body of an answer of ``/v1/chat/completions``, trusting nothing in it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from kibble.rewards.vlm.openai.errors import UnusableError
from kibble.rewards.vlm.questions import Reply, Token

__all__ = ["Completion", "PromptToken", "completion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptToken:
    """One token of the prompt; only vLLM tells.

    Args:
        text: Its text.
        logprob: Natural logarithm of its probability after those before it; NaN for the first.
    """

    text: str
    logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a server answered.

    Args:
        reply: What the model said, without the token that ended it.
        tokens: All that it generated, the end included.
        prompt_ids: Ids of the prompt's tokens, pictures included; empty where not told.
        prompt_tokens: The same tokens; empty where not told.
    """

    reply: Reply
    tokens: tuple[Token, ...] = ()
    prompt_ids: tuple[int, ...] = ()
    prompt_tokens: tuple[PromptToken, ...] = ()


def completion(body: str) -> Completion:
    """Read a body.

    Raises:
        UnusableError: If it is not JSON of the protocol's form, the answer ended for another
            reason than its end or its length, or a log-probability is NaN.
    """
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"The server must answer JSON, got {body[:200]!r}.") from error
    try:
        (choice,) = whole["choices"]
        content = choice["message"].get("content")
        ending = choice.get("finish_reason")
        tokens = _tokens((choice.get("logprobs") or {}).get("content") or ())
        ids = tuple(map(int, whole.get("prompt_token_ids") or ()))
        read = _prompt_tokens(ids, whole.get("prompt_logprobs") or ())
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UnusableError(
            f"The server must answer one chat completion, got {body[:200]!r} ({error!r})."
        ) from error
    if ending not in ("stop", "length") or not isinstance(content, str | None):
        raise UnusableError(
            f"An answer must be text that ends by 'stop' or 'length', got {content!r} ended by "
            f"{ending!r}."
        )
    text, finished = content or "", ending == "stop"
    spoken = _without_end(tokens, text) if finished else tokens
    reply = Reply(text=text, tokens=spoken, finished=finished)
    return Completion(reply=reply, tokens=tokens, prompt_ids=ids, prompt_tokens=read)


def _tokens(content: Sequence[dict[str, object]]) -> tuple[Token, ...]:
    tokens = []
    for entry in content:
        top: dict[str, float] = {}
        for other in _entries(entry.get("top_logprobs")):
            text = str(other["token"])
            top[text] = max(top.get(text, -math.inf), _logprob(other))
        tokens.append(Token(text=str(entry["token"]), logprob=_logprob(entry), top=top))
    return tuple(tokens)


def _without_end(tokens: tuple[Token, ...], text: str) -> tuple[Token, ...]:
    """Leave out the token that ends an answer, which is none of its text; vLLM tells it, too."""
    if not tokens or "\N{REPLACEMENT CHARACTER}" in tokens[-1].text:  # a part of a letter
        return tokens
    last = tokens[-1].text
    return tokens if last and text.endswith(last) else tokens[:-1]


def _prompt_tokens(ids: tuple[int, ...], told: Sequence[object]) -> tuple[PromptToken, ...]:
    if not told:
        return ()
    if len(told) != len(ids):
        raise ValueError(f"{len(told)} log-probabilities of {len(ids)} tokens")
    tokens = []
    for number, entry in zip(ids, told, strict=True):
        if entry is None:
            tokens.append(PromptToken(text="", logprob=math.nan))
            continue
        if not isinstance(entry, dict):
            raise TypeError(f"{entry!r} is not an object")
        mine = entry[str(number)]
        text = mine.get("decoded_token") or ""
        tokens.append(PromptToken(text=str(text), logprob=_logprob(mine)))
    return tuple(tokens)


def _entries(value: object) -> list[dict[str, object]]:
    return list(value) if isinstance(value, list) else []


def _logprob(entry: dict[str, object]) -> float:
    value = entry["logprob"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"log-probability {value!r}")
    if math.isnan(value) or value > 1e-3:
        raise UnusableError(
            f"A log-probability must be a number <= 0, got {value} for {entry.get('token')!r}; "
            "the model has overflowed: serve it in another dtype."
        )
    return min(float(value), 0.0)
