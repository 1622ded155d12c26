"""Let a model speak, token by token, freely or as one of given strings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch

from kibble.rewards.types import Status
from kibble.rewards.vlm.local.passes import Pass
from kibble.rewards.vlm.local.token_trie import TokenTrie
from kibble.rewards.vlm.questions import Failure, Reply, Say, Token

__all__ = ["Speaker", "speak"]


@final
class Speaker:
    """What one row says.

    Where its choices leave one token only, that token is read together with the one before it
    instead of in a pass of its own; its probability is reported as any other's.

    Args:
        question: What it answers.
        choices: What it may say, if that is limited.
        ends: Tokens that end an answer.
        tokenizer: Spells tokens.

    Attributes:
        forced: Tokens that the choices leave no choice about, and that come next.
    """

    def __init__(
        self, question: Say, choices: TokenTrie | None, *, ends: frozenset[int], tokenizer: Any
    ) -> None:
        self._question = question
        self._choices = choices
        self._ends = ends
        self._tokenizer = tokenizer
        self._random = torch.Generator().manual_seed(question.seed)
        self._ids: list[int] = []
        self._tokens: list[Token] = []
        self._finished = False
        self._broken = False
        self.forced: list[int] = self._chain()

    @property
    def over(self) -> bool:
        """Whether nothing more is wanted of it."""
        spent = self._choices is None and len(self._ids) >= self._question.max_tokens
        return self._finished or self._broken or spent

    @property
    def told(self) -> bool:
        """Whether the forced tokens are the last: the model need not read the very last one."""
        return self._choices is not None and self._choices.ends and not self._choices.allowed()

    def take(self, logits: torch.Tensor) -> list[int]:
        """Note the forced tokens and choose one more.

        Args:
            logits: (F + 1, V) float32 at the places of the F forced tokens and of the next; (F, V)
                if it has told all with them.

        Returns:
            What the model is to read next, empty if nothing more is wanted.
        """
        if not bool(logits.isfinite().all()):
            self._broken = True
            return []
        logprobs = logits.log_softmax(-1)
        for token, row in zip(self.forced, logprobs, strict=False):
            self._note(token, row)
        if self.told:
            self._finished = True
            return []
        chosen = self._choose(logprobs[-1])
        if chosen in self._ends:
            self._finished = True
            return []
        self._note(chosen, logprobs[-1])
        if self._choices is not None:
            self._choices = self._choices.after(chosen)
            self.forced = self._chain()
            if self.told:
                self._finished = not self.forced
                return [chosen, *self.forced][:-1]
        return [] if self.over else [chosen, *self.forced]

    def answer(self) -> Reply | Failure:
        """What it said."""
        if self._broken:
            return Failure(
                status=Status.MODEL_ERROR,
                reason=f"logits were not finite after {len(self._ids)} tokens of the answer",
            )
        return Reply(
            text=self._tokenizer.decode(self._ids, skip_special_tokens=True),
            tokens=tuple(self._tokens),
            finished=self._finished,
        )

    def _chain(self) -> list[int]:
        """Go along the choices as far as there is but one."""
        chain: list[int] = []
        while self._choices is not None and not self._choices.ends:
            allowed = self._choices.allowed()
            if len(allowed) > 1:
                break
            chain += allowed
            self._choices = self._choices.after(allowed[0])
        return chain

    def _choose(self, logprobs: torch.Tensor) -> int:
        if self._choices is not None:
            allowed = list(self._choices.allowed())
            allowed += sorted(self._ends) if self._choices.ends else []
            barred = torch.full_like(logprobs, -math.inf)
            index = torch.tensor(allowed, device=logprobs.device)
            barred[index] = logprobs[index]
            logprobs = barred
        if self._question.temperature == 0.0:
            return int(logprobs.argmax())
        weights = (logprobs.double().cpu() / self._question.temperature).softmax(-1)
        return int(torch.multinomial(weights, 1, generator=self._random))

    def _note(self, token: int, logprobs: torch.Tensor) -> None:
        self._ids.append(token)
        top: dict[str, float] = {}
        if self._question.top:
            values, ids = logprobs.topk(min(self._question.top, len(logprobs)))
            for value, likely in zip(values.tolist(), ids.tolist(), strict=True):
                # of two tokens that are spelled alike, such as parts of letters, the likelier
                top.setdefault(self._tokenizer.decode([likely]), value)
        spelled = self._tokenizer.decode([token])
        self._tokens.append(Token(text=spelled, logprob=float(logprobs[token]), top=top))


def speak(batch: Pass, speakers: Sequence[Speaker], head: Any) -> list[Reply | Failure]:
    """Let all rows of a batch speak until each has come to its end.

    Args:
        batch: The prompts with the first forced tokens of each, read.
        speakers: Who speaks in each row.
        head: From (…, W) hidden states to (…, V) logits.

    Returns:
        What each said.
    """
    hidden = batch.hidden
    # of what has been read so far only the number counts
    blocks = [
        [] if speaker.over else [0] * (len(speaker.forced) + (not speaker.told))
        for speaker in speakers
    ]
    while any(blocks):
        logits = head(hidden[:, -max(map(len, blocks)) :]).float()
        blocks = [
            speaker.take(row[-len(block) :]) if block else []
            for speaker, block, row in zip(speakers, blocks, logits, strict=True)
        ]
        if any(blocks):
            hidden = batch.step(blocks)
    return [speaker.answer() for speaker in speakers]
