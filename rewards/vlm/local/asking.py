"""Put the three kinds of questions to a model that reads sequences in batches."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch

from kibble.rewards.errors import ModelError
from kibble.rewards.types import Status
from kibble.rewards.vlm.local.blocks import Row
from kibble.rewards.vlm.local.loading import Opened
from kibble.rewards.vlm.local.passes import Pass
from kibble.rewards.vlm.local.rendering import Rendered, Renderer
from kibble.rewards.vlm.local.schedule import Schedule
from kibble.rewards.vlm.local.speaking import Speaker, speak
from kibble.rewards.vlm.local.token_trie import TokenTrie
from kibble.rewards.vlm.questions import (
    Answer,
    Failure,
    HiddenStates,
    Probe,
    Rate,
    Ratings,
    Say,
)

__all__ = ["Asking"]


class _Rated(NamedTuple):
    """One answer of one question, and the tokens that are not the prompt's."""

    question: int
    answer: int
    tokens: list[int]


@final
class Asking:
    """Answers questions of one kind to one adapter at a time.

    Args:
        opened: The model.
        renderer: Turns prompts into sequences.
        schedule: Reads them.
    """

    def __init__(self, opened: Opened, renderer: Renderer, schedule: Schedule) -> None:
        self._renderer = renderer
        self._schedule = schedule
        own: Any = opened.processor
        model: Any = opened.model
        self._tokenizer = own.tokenizer

        @functools.lru_cache(maxsize=64)
        def trie(choices: tuple[str, ...], tail: str) -> TokenTrie:
            return TokenTrie(renderer.after(tail, choice) for choice in choices)

        self._trie = trie
        self._head = model.get_output_embeddings()
        self._device: torch.device = opened.model.device
        ends = model.generation_config.eos_token_id
        self._ends = frozenset(
            [*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id]
        ) - {None}

    def say(
        self, questions: Sequence[Say], texts: Sequence[Rendered], **scopes: str
    ) -> list[Answer]:
        """Let the model speak after each prompt."""
        tries = [
            None if question.choices is None else self._trie(question.choices, text.tail)
            for question, text in zip(questions, texts, strict=True)
        ]

        def speaker(i: int) -> Speaker:
            return Speaker(questions[i], tries[i], ends=self._ends, tokenizer=self._tokenizer)

        def finish(batch: Pass, part: list[int]) -> Sequence[Answer]:
            return speak(batch, [speaker(i) for i in part], self._head)

        rows = [
            _spoken(question, text, speaker(i), tries[i])
            for i, (question, text) in enumerate(zip(questions, texts, strict=True))
        ]
        return list(self._schedule.run(rows, finish, **scopes))

    def rate(
        self, questions: Sequence[Rate], texts: Sequence[Rendered], **scopes: str
    ) -> list[Answer]:
        """Add up the logarithms of each answer's tokens; answers share all that they can."""
        rows: dict[bytes, Row] = {}
        wanted: dict[bytes, list[_Rated]] = {}
        for i, (question, text) in enumerate(zip(questions, texts, strict=True)):
            for j, answer in enumerate(question.answers):
                row, tokens = self._rated(text, answer)
                name = row.text.digest()
                if name not in rows or row.keep > rows[name].keep:
                    rows[name] = row
                wanted.setdefault(name, []).append(_Rated(i, j, tokens))
        names = list(rows)

        def finish(batch: Pass, part: list[int]) -> list[list[float] | Failure]:
            return [
                self._sums(hidden[-rows[names[i]].keep :], wanted[names[i]])
                for i, hidden in zip(part, batch.hidden, strict=True)
            ]

        read = self._schedule.run([rows[name] for name in names], finish, **scopes)
        found = [np.zeros(len(question.answers)) for question in questions]
        failures: dict[int, Failure] = {}
        for name, sums in zip(names, read, strict=True):
            for nth, rated in enumerate(wanted[name]):
                if isinstance(sums, Failure):
                    failures[rated.question] = sums
                else:
                    found[rated.question][rated.answer] = min(sums[nth], 0.0)
        return [failures.get(i) or Ratings(logprobs=row) for i, row in enumerate(found)]

    def probe(
        self, questions: Sequence[Probe], texts: Sequence[Rendered], **scopes: str
    ) -> list[Answer]:
        """Read the last hidden layer at the places of special tokens."""
        places: list[dict[str, np.ndarray[Any, np.dtype[np.intp]]]] = []
        rows: list[Row] = []
        for question, text in zip(questions, texts, strict=True):
            found = {
                token: np.flatnonzero(text.ids == self._renderer.special_id(token))
                for token in question.tokens
            }
            places.append(found)
            first = min((int(at[0]) for at in found.values() if len(at)), default=len(text) - 1)
            rows.append(Row(text=text, keep=len(text) - first))

        def finish(batch: Pass, part: list[int]) -> Sequence[Answer]:
            return [
                _states(places[i], hidden, len(rows[i].text))
                for i, hidden in zip(part, batch.hidden, strict=True)
            ]

        return list(self._schedule.run(rows, finish, **scopes))

    def render(self, question: Say | Rate | Probe) -> Rendered:
        """Turn a question's prompt into a sequence.

        Raises:
            ModelError: If it names a special token that the model lacks, or an empty answer.
        """
        allowed: tuple[str, ...] = ()
        if isinstance(question, Probe):
            allowed = question.tokens
            for token in allowed:
                if self._renderer.special_id(token) is None:
                    raise ModelError(
                        f"`tokens` must be special tokens of the model, got {token!r}; the "
                        "weights belong to another reward model."
                    )
        else:
            given = question.answers if isinstance(question, Rate) else question.choices
            if given is not None and (not given or "" in given):
                raise ModelError(
                    f"Answers to choose from must be texts, at least one, got {given!r}."
                )
        return self._renderer.render(question.prompt, allowed=allowed)

    def _rated(self, text: Rendered, answer: str) -> tuple[Row, list[int]]:
        kept, tokens = self._renderer.continuation(text.tail, answer)
        begin = text.tail_begin + kept
        return Row(text=text.going_on(begin, tokens[:-1]), keep=len(tokens)), tokens

    def _sums(self, hidden: torch.Tensor, wanted: Sequence[_Rated]) -> list[float] | Failure:
        """Logarithm of each continuation from the hidden states before its tokens."""
        logits = self._head(hidden).float()
        if not bool(logits.isfinite().all()):
            return _not_finite()
        logprobs = logits.log_softmax(-1)
        sums = []
        for rated in wanted:
            index = torch.tensor(rated.tokens, device=logprobs.device)[:, None]
            sums.append(float(logprobs[-len(index) :].gather(1, index).double().sum()))
        return sums


def _spoken(question: Say, text: Rendered, speaker: Speaker, choices: TokenTrie | None) -> Row:
    """The prompt, and what the choices begin with in any case."""
    if choices is None:
        return Row(text=text, reserve=question.max_tokens)
    read = speaker.forced[:-1] if speaker.told else speaker.forced
    going_on = text.going_on(len(text), read)
    return Row(text=going_on, keep=len(read) + 1, burst=choices.depth)


def _states(
    places: dict[str, np.ndarray[Any, np.dtype[np.intp]]], hidden: torch.Tensor, length: int
) -> HiddenStates | Failure:
    if not bool(hidden[-1].isfinite().all()):
        return _not_finite()
    shift = len(hidden) - length
    return HiddenStates(
        states={
            token: hidden[torch.from_numpy(at + shift)].float().cpu().numpy()
            for token, at in places.items()
        }
    )


def _not_finite() -> Failure:
    return Failure(status=Status.MODEL_ERROR, reason="the model's output was not finite")
