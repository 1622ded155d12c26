"""A model behind a server as a back end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, final

from kibble.rewards.errors import ModelError
from kibble.rewards.remote.outages import Availability
from kibble.rewards.types import Status
from kibble.rewards.vlm.backend import BackendSpec
from kibble.rewards.vlm.memo import Memo
from kibble.rewards.vlm.openai.completion import Completion, completion
from kibble.rewards.vlm.openai.connection import Connection
from kibble.rewards.vlm.openai.dialect import Dialect
from kibble.rewards.vlm.openai.errors import UnreachableError, UnusableError
from kibble.rewards.vlm.openai.messages import Body, conversation
from kibble.rewards.vlm.openai.pictures import EncodedPictures
from kibble.rewards.vlm.openai.rating import FIRST_TOKENS, rate
from kibble.rewards.vlm.prompt import Clip, Prompt
from kibble.rewards.vlm.questions import Answer, Failure, Question, Rate, Reply, Say

__all__ = ["ServerBackend"]

_LOG = logging.getLogger(__name__)
_REMEMBERED = 1_000  # answers; with all log-probabilities some take a hundred kilobytes

_SPECIAL, _ESCAPED = re.compile(r"[\\^$.|?*+()\[\]{}]"), r"\\\g<0>"
"""What regular expressions of all grammars escape; ``re.escape`` does more, which some refuse."""

_Work: TypeAlias = "Callable[[], Awaitable[Answer]]"


@final
class ServerBackend:
    """A model behind a server.

    ======================================  ================================================
    what the server does                    what becomes of the question
    ======================================  ================================================
    takes too long, is busy for too long    ``Failure`` TIMEOUT
    fails, answers garbage or NaN           ``Failure`` MODEL_ERROR
    answers none of ``choices``             ``Failure`` PARSE_ERROR
    breaks the connection for some          ``Failure`` MODEL_ERROR for those
    breaks it for all, or is not there      ``ServiceAwayError``
    does not know the model or the key      ``ModelError``
    ======================================  ================================================

    Args:
        connection: The server.
        model: Name that it serves the model under.
        adapters: Name of an adapter to the name that it is served under.
        dialect: What the server understands.
        pictures: Encodes pictures.
        remembers: Whether answers are kept.
        max_outage: Seconds that the server may be away.
        identity: What tells the weights from others.
    """

    def __init__(
        self,
        connection: Connection,
        model: str,
        *,
        adapters: Mapping[str, str],
        dialect: Dialect,
        pictures: EncodedPictures,
        remembers: bool,
        max_outage: float,
        identity: str,
    ) -> None:
        self._connection = connection
        self._models = {"": model, **adapters}
        self._dialect = dialect
        self._pictures = pictures
        self._memo = Memo(_REMEMBERED if remembers else 0)
        self._availability = Availability(connection.url, max_outage=max_outage)
        self._warned: set[str] = set()
        self._spec = BackendSpec(
            name=model,
            version=hashlib.sha256(identity.encode()).hexdigest()[:16],
            device=connection.url,
            rates=dialect.gives_logprobs,
            probes=False,
        )

    @property
    def spec(self) -> BackendSpec:
        """What it is; the version covers names alone, for a server does not show its weights."""
        return self._spec

    @property
    def availability(self) -> Availability:
        """When the server was away; see :class:`kibble.rewards.vlm.backend.DistantBackend`."""
        return self._availability

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer Q questions at once; see :meth:`kibble.rewards.vlm.backend.Backend.answer`."""
        return self._memo.answer(questions, self._ask)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, questions: Sequence[Question]) -> list[Answer]:
        work = [self._work(question) for question in questions]
        outcomes = self._connection.run(_all(work))
        away = [outcome for outcome in outcomes if isinstance(outcome, UnreachableError)]
        if away and len(away) == len(outcomes):
            raise away[0]
        return [
            Failure(status=Status.MODEL_ERROR, reason=str(outcome))
            if isinstance(outcome, UnreachableError)
            else outcome
            for outcome in outcomes
        ]

    def _work(self, question: Question) -> _Work:
        """Return what asks a question; refuse here what the server cannot do at all."""
        if not isinstance(question, Say | Rate):
            raise ModelError(
                "A server of OpenAI's protocol does not show hidden states, got a Probe; this "
                "reward model needs backend=local."
            )
        if question.adapter not in self._models:
            raise ModelError(
                f"The adapter {question.adapter!r} must be served, got "
                f"{sorted(set(self._models) - {''})}."
            )
        fields = {
            **self._dialect.fields,
            "model": self._models[question.adapter],
            "temperature": 0.0,
            "top_p": 1.0,
        }
        if isinstance(question, Say):
            return self._saying(question, fields)
        return self._rating(question, fields)

    def _saying(self, say: Say, fields: Body) -> _Work:
        if say.top and not self._dialect.gives_logprobs:
            self._warn(
                "The server at %s gives no log-probabilities: confidences that are read from them "
                "are 1, and numbers that are read from them fail.",
                self._connection.url,
            )
        body: Body = {
            **fields,
            **self._conversation(say.prompt),
            **_constraint(say.choices, self._dialect),
            "max_tokens": say.max_tokens,
            "temperature": say.temperature,
            "seed": say.seed,
        }
        if self._dialect.gives_logprobs:
            body |= {"logprobs": True, "top_logprobs": say.top}

        async def ask() -> Answer:
            reply = completion(await self._connection.complete(body)).reply
            return reply if say.choices is None else _chosen(reply, say.choices)

        return ask

    def _rating(self, question: Rate, fields: Body) -> _Work:
        if not self._dialect.gives_logprobs:
            raise ModelError(self._without_logprobs())
        tells = self._dialect.rates_prompts
        likeliest: Body = {
            **fields,
            **self._conversation(question.prompt),
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": FIRST_TOKENS,
            **({"return_token_ids": True} if tells else {}),
        }

        async def first() -> Completion:
            return completion(await self._connection.complete(likeliest))

        async def read(prompt: Prompt) -> Completion:
            body: Body = {
                **fields,
                **self._conversation(prompt),
                "max_tokens": 1,
                "prompt_logprobs": 1,
                "return_token_ids": True,
            }
            return completion(await self._connection.complete(body))

        async def ask() -> Answer:
            return await rate(question, first=first, read=read if tells else None)

        return ask

    def _conversation(self, prompt: Prompt) -> Body:
        parts = (part for turn in prompt.turns for part in turn.parts)
        if not self._dialect.takes_clips and any(isinstance(part, Clip) for part in parts):
            self._warn(
                "Clips are sent to %s servers as pictures in order, without their rate; a model "
                "that was trained on video reads that otherwise. Serve it by vLLM, or use "
                "backend=local.",
                self._dialect.name,
            )
        return conversation(prompt, self._dialect, self._pictures)

    def _warn(self, text: str, value: str) -> None:
        """Log a warning once."""
        if text not in self._warned:
            self._warned.add(text)
            _LOG.warning(text, value)

    def _without_logprobs(self) -> str:
        return (
            f"This reward model reads log-probabilities, which the server at "
            f"{self._connection.url} does not give; serve the weights by vLLM or SGLang, or use "
            "backend=local."
        )


async def _all(work: Sequence[_Work]) -> list[Answer | UnreachableError]:
    return list(await asyncio.gather(*(_outcome(ask) for ask in work)))


async def _outcome(ask: _Work) -> Answer | UnreachableError:
    try:
        return await ask()
    except UnreachableError as error:
        return error
    except TimeoutError as error:
        return Failure(status=Status.TIMEOUT, reason=str(error))
    except UnusableError as error:
        return Failure(status=Status.MODEL_ERROR, reason=str(error))


def _constraint(choices: tuple[str, ...] | None, dialect: Dialect) -> Body:
    if choices is None or not dialect.constrains:
        return {}
    if dialect.constrains == "regex":
        return {"regex": f"({'|'.join(_SPECIAL.sub(_ESCAPED, choice) for choice in choices)})"}
    return {"structured_outputs": {"choice": list(choices)}}


def _chosen(reply: Reply, choices: Sequence[str]) -> Answer:
    """Keep an answer to its choices, whether or not the server has."""
    for text in (reply.text, reply.text.strip()):
        if text in choices and reply.finished:
            return replace(reply, text=text)
    return Failure(
        status=Status.PARSE_ERROR,
        reason=f"an answer must be one of {', '.join(choices)}, got {reply.text[:200]!r}",
    )
