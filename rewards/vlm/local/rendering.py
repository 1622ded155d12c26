"""From a prompt to the tokens, placeholders and positions that the model's own code would make."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kibble.rewards.vlm.local.family import Family
from kibble.rewards.vlm.local.pieces import Grid, Piece, Placed, Sight, Special
from kibble.rewards.vlm.local.prefix_tree import common_length
from kibble.rewards.vlm.local.template import Form, Slot, form_of, rendered_form
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt

__all__ = ["Rendered", "Renderer"]

_STRIDE = 0x9E3779B97F4A7C15  # odd: no two of 2**63 placeholders in a row get the same number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """A prompt as the model reads it.

    Args:
        ids: (L,) token ids.
        units: (L,) the ids, and at placeholders negative numbers drawn from what stands there:
            equal beginnings have equal attention states.
        positions: (P, L) rotary positions.
        sights: Offset and sight of each run of placeholders.
        tail: The text after the last special token or placeholder; the first tokens of an answer
            may melt into it.
        tail_begin: Offset of its first token.
    """

    ids: NDArray[np.int64]
    units: NDArray[np.int64]
    positions: torch.Tensor
    sights: tuple[tuple[int, Sight], ...]
    tail: str
    tail_begin: int

    def __len__(self) -> int:
        return len(self.ids)

    def going_on(self, begin: int, tokens: list[int]) -> Rendered:
        """The first ``begin`` tokens, the last of them text, and other text after them."""
        more = np.array(tokens, np.int64)
        after = self.positions[:, begin - 1 : begin] + torch.arange(1, len(tokens) + 1)
        return replace(
            self,
            ids=np.concatenate([self.ids[:begin], more]),
            units=np.concatenate([self.units[:begin], more]),
            positions=torch.cat([self.positions[:, :begin], after], dim=1),
        )

    def digest(self) -> bytes:
        """Name of the whole content."""
        return hashlib.blake2b(self.units.tobytes(), digest_size=16).digest()


@final
class Renderer:
    """Renders prompts by the chat template and tokenizer of a model.

    The template sees marks instead of text, and text is tokenized as text: a special token that
    somebody writes into an instruction is spelled out and steers nothing.

    Args:
        processor: The model's own processor.
        family: How it places pictures.
    """

    def __init__(self, processor: transformers.ProcessorMixin, family: Family) -> None:
        self._family = family
        own: Any = processor
        described = json.loads(own.tokenizer.backend_tokenizer.to_str())
        for token in described["added_tokens"]:  # a fine-tuned model may have lost the mark
            token["special"] |= token["content"] in (own.image_token, own.video_token)
        self._tokenizer = Tokenizer.from_str(json.dumps(described))
        self._tokenizer.encode_special_tokens = True
        self._specials: dict[str, int] = {
            token["content"]: token["id"]
            for token in described["added_tokens"]
            if token["special"]
        }
        image = own.tokenizer.convert_tokens_to_ids(own.image_token)
        # InternVL has a word for clips in its template, but no placeholder of their own
        video = getattr(own, "video_token_id", None)
        self._placeholders = {"image": image, "video": image if video is None else video}

        @functools.lru_cache(maxsize=256)
        def form(form: Form) -> tuple[str | Special | Slot, ...]:
            return rendered_form(form, processor, self._specials)

        @functools.lru_cache(maxsize=4096)
        def encode(text: str) -> tuple[int, ...]:
            return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

        self._form = form
        self._encode = encode

    def special_id(self, token: str) -> int | None:
        """Number of a special token, if the model has it."""
        return self._specials.get(token)

    def continuation(self, tail: str, text: str) -> tuple[int, list[int]]:
        """Tokens of ``text`` after the tail of a prompt, as the tokenizer cuts both together.

        Returns:
            How many tokens of the tail stay as they are, and those after them.
        """
        before = self._encode(tail)
        both = self._encode(tail + text)
        kept = common_length(np.array(before, np.int64), np.array(both, np.int64))
        return kept, list(both[kept:])

    def after(self, tail: str, text: str) -> list[int]:
        """Tokens of ``text`` after a tail that is read already and cannot be cut anew."""
        kept, tokens = self.continuation(tail, text)
        return tokens if kept == len(self._encode(tail)) else list(self._encode(text))

    def render(self, prompt: Prompt, *, allowed: tuple[str, ...] = ()) -> Rendered:
        """Render a prompt.

        Args:
            prompt: What the model reads.
            allowed: Special tokens that its texts may hold.

        Raises:
            ModelError: If the prompt is empty or the template does not keep its parts.
        """
        grids: list[Grid] = []
        ids: list[NDArray[np.int64]] = []
        units: list[NDArray[np.int64]] = []
        sights: list[tuple[int, Sight]] = []
        length, tail, tail_begin = 0, "", 0
        for piece in _joined(self._pieces(prompt, allowed, grids)):
            tail, tail_begin = "", length
            if isinstance(piece, Sight):
                run = np.full(piece.tokens, self._placeholders[piece.kind], np.int64)
                sights.append((length, piece))
                units.append(_units(piece))
            else:
                if isinstance(piece, Special):
                    run = np.array([self._specials[piece.text]], np.int64)
                    tail_begin = length + 1
                else:
                    run = np.array(self._encode(piece), np.int64)
                    tail = piece
                units.append(run)
            ids.append(run)
            length += len(run)
        whole = np.concatenate(ids)
        return Rendered(
            ids=whole,
            units=np.concatenate(units),
            positions=self._family.positions(torch.from_numpy(whole), grids),
            sights=tuple(sights),
            tail=tail,
            tail_begin=tail_begin,
        )

    def _pieces(
        self, prompt: Prompt, allowed: tuple[str, ...], grids: list[Grid]
    ) -> Iterator[Piece]:
        """Fill the form of a prompt with its parts; note the grids of what is seen."""
        parts = [part for turn in prompt.turns for part in turn.parts]
        items = list(self._form(form_of(prompt)))
        wrapper = self._family.clip_wrapper()
        for at, item in enumerate(items):
            if not isinstance(item, Slot):
                clips = (items[at + 1 : at + 2], items[max(at - 1, 0) : at])
                if not _wraps(item, wrapper, clips, parts):
                    yield item
                continue
            part = parts[item.part]
            if isinstance(part, str):
                yield from _cut(part, allowed)
                continue
            placed = self._placed(part, prompt)
            grids += placed.grids
            yield from placed.pieces

    def _placed(self, part: Picture | Clip, prompt: Prompt) -> Placed:
        if isinstance(part, Picture):
            return self._family.picture(part, prompt.pixels)
        return self._family.clip(part, prompt.pixels)


def _wraps(
    item: str | Special,
    wrapper: tuple[str, str] | None,
    neighbours: tuple[list[str | Special | Slot], list[str | Special | Slot]],
    parts: Sequence[object],
) -> bool:
    """Whether ``item`` is one of the two marks around a clip that are left out."""
    if wrapper is None or not isinstance(item, Special):
        return False
    return any(
        item.text == mark and isinstance(parts[slot.part], Clip)
        for mark, side in zip(wrapper, neighbours, strict=True)
        for slot in side
        if isinstance(slot, Slot)
    )


def _cut(text: str, allowed: tuple[str, ...]) -> Iterator[Piece]:
    if not allowed:
        yield text
        return
    for piece in re.split(f"({'|'.join(map(re.escape, allowed))})", text):
        yield Special(piece) if piece in allowed else piece


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join neighbouring texts, which the tokenizer sees as one; drop empty ones."""
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            yield text
        text = ""
        yield piece
    if text:
        yield text


def _units(sight: Sight) -> NDArray[np.int64]:
    """(tokens,) negative numbers that only equal sights have in common."""
    name = hashlib.blake2b(sight.key + sight.timing, digest_size=8).digest()
    begin = np.uint64(int.from_bytes(name, "little"))
    numbers = begin + np.arange(sight.tokens, dtype=np.uint64) * np.uint64(_STRIDE)
    return (numbers | np.uint64(1 << 63)).view(np.int64)
