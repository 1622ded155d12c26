"""Let a model speak, token by token, freely or as one of given strings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from kibble.rewards.types import Status
from kibble.rewards.vlm.local.passes import Pass
from kibble.rewards.vlm.local.token_trie import TokenTrie
from kibble.rewards.vlm.questions import Failure, Reply, Say, Token

__all__ = ["Speaker", "speak"]


@dataclass(slots=True, kw_only=True)
class Speaker:
    """What one row has said so far.

    Args:
        question: What it answers.
        choices: What it may say, if that is limited.
    """

    question: Say
    choices: TokenTrie | None
    random: torch.Generator = field(init=False)
    ids: list[int] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    finished: bool = False
    broken: bool = False

    def __post_init__(self) -> None:
        self.random = torch.Generator().manual_seed(self.question.seed)

    @property
    def over(self) -> bool:
        """Whether nothing more is wanted of it."""
        spent = self.choices is None and len(self.ids) >= self.question.max_tokens
        return self.finished or self.broken or spent

    def take(self, logits: torch.Tensor, ends: frozenset[int], tokenizer: Any) -> int:
        """Choose the next token.

        Args:
            logits: (V,) float32.
            ends: Tokens that end an answer.
            tokenizer: Spells tokens.

        Returns:
            The token; 0 if the logits are not finite.
        """
        if not bool(logits.isfinite().all()):
            self.broken = True
            return 0
        logprobs = logits.log_softmax(-1)
        chosen = self._choose(logprobs, ends)
        if chosen in ends:
            self.finished = True
            return chosen
        self.ids.append(chosen)
        self.tokens.append(
            Token(
                text=tokenizer.decode([chosen]),
                logprob=float(logprobs[chosen]),
                top=_likeliest(logprobs, self.question.top, tokenizer),
            )
        )
        if self.choices is not None:
            self.choices = self.choices.after(chosen)
            self.finished = self.choices.ends and not self.choices.allowed()
        return chosen

    def answer(self, tokenizer: Any) -> Reply | Failure:
        """What it said."""
        if self.broken:
            return Failure(
                status=Status.MODEL_ERROR,
                reason=f"logits were not finite after {len(self.ids)} tokens of the answer",
            )
        return Reply(
            text=tokenizer.decode(self.ids, skip_special_tokens=True),
            tokens=tuple(self.tokens),
            finished=self.finished,
        )

    def _choose(self, logprobs: torch.Tensor, ends: frozenset[int]) -> int:
        if self.choices is not None:
            allowed = list(self.choices.allowed()) + (sorted(ends) if self.choices.ends else [])
            barred = torch.full_like(logprobs, -math.inf)
            index = torch.tensor(allowed, device=logprobs.device)
            barred[index] = logprobs[index]
            logprobs = barred
        if self.question.temperature == 0.0:
            return int(logprobs.argmax())
        weights = (logprobs.double().cpu() / self.question.temperature).softmax(-1)
        return int(torch.multinomial(weights, 1, generator=self.random))


def speak(
    batch: Pass,
    speakers: Sequence[Speaker],
    *,
    head: Any,
    ends: frozenset[int],
    tokenizer: Any,
) -> list[Reply | Failure]:
    """Let all rows of a batch speak until each has come to its end.

    Args:
        batch: The prompts, read.
        speakers: Who speaks in each row.
        head: From (…, W) hidden states to (…, V) logits.
        ends: Tokens that end an answer.
        tokenizer: Spells tokens.

    Returns:
        What each said.
    """
    hidden = batch.hidden[:, -1:]
    while True:
        logits = head(hidden)[:, -1].float()
        said = [
            0 if speaker.over else speaker.take(row, ends, tokenizer)
            for speaker, row in zip(speakers, logits, strict=True)
        ]
        if all(speaker.over for speaker in speakers):
            return [speaker.answer(tokenizer) for speaker in speakers]
        hidden = batch.step(torch.tensor(said, device=logits.device))


def _likeliest(logprobs: torch.Tensor, count: int, tokenizer: Any) -> dict[str, float]:
    """The likeliest tokens by their text; of two that are spelled alike the likelier one."""
    if not count:
        return {}
    values, ids = logprobs.topk(min(count, len(logprobs)))
    likeliest: dict[str, float] = {}
    for value, token in zip(values.tolist(), ids.tolist(), strict=True):
        likeliest.setdefault(tokenizer.decode([token]), value)
    return likeliest
