"""A model's chat template, filled in once for each form of a conversation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import transformers

from kibble.rewards.errors import ModelError
from kibble.rewards.vlm.local.pieces import Special
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt

__all__ = ["Form", "Slot", "form_of", "rendered_form"]

_MARK = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the n-th part of a prompt goes, counted over all its turns."""

    part: int


Form: TypeAlias = "tuple[tuple[tuple[str, tuple[str, ...]], ...], bool]"
"""Role and kinds of parts of each turn, and whether the last turn is left open."""


def form_of(prompt: Prompt) -> Form:
    """What of a prompt its template looks at."""
    kinds = {str: "text", Picture: "image", Clip: "video"}
    turns = tuple(
        (turn.role, tuple(kinds[type(part)] for part in turn.parts)) for turn in prompt.turns
    )
    if not turns or not turns[-1][1]:
        raise ModelError("A prompt must end with a turn that has parts, got none; add its text.")
    is_open = prompt.open_ended or turns[-1][0] == "assistant"
    if is_open and turns[-1][1][-1] != "text":
        raise ModelError(
            "A turn that is gone on with must end with text, got one that ends with "
            f"{turns[-1][1][-1]}; put text last."
        )
    return turns, is_open


def rendered_form(
    form: Form, processor: transformers.ProcessorMixin, specials: Iterable[str]
) -> tuple[str | Special | Slot, ...]:
    """Fill the template with marks and cut what comes out at marks and special tokens.

    Args:
        form: What is filled in.
        processor: The model's own.
        specials: Its special tokens.

    Raises:
        ModelError: If the template leaves out a part.
    """
    turns, is_open = form
    own: Any = processor
    conversation, visible, count = [], [], 0
    for role, kinds in turns:
        content: list[dict[str, str]] = []
        for kind in kinds:
            if kind == "text":
                content.append({"type": "text", "text": f"\ue000{count}\ue001"})
            else:
                content.append({"type": kind})
                visible.append((kind, count))
            count += 1
        conversation.append({"role": role, "content": content})
    text: str = own.apply_chat_template(conversation, add_generation_prompt=not is_open)
    if is_open:
        text = text[: text.rindex("\ue001") + 1]
    tokens = {"image": own.image_token, "video": own.video_token}
    pattern = "|".join(
        re.escape(token) for token in sorted({*specials, *tokens.values()}, key=len, reverse=True)
    )
    items: list[str | Special | Slot] = []
    for piece in re.split(f"({pattern}|{_MARK.pattern.replace('(', '(?:')})", text):
        mark = _MARK.fullmatch(piece)
        if mark:
            items.append(Slot(int(mark[1])))
        elif visible and piece == tokens[visible[0][0]]:
            items.append(Slot(visible.pop(0)[1]))
        elif piece and re.fullmatch(pattern, piece):
            items.append(Special(piece))
        elif piece:
            items.append(piece)
    found = [item.part for item in items if isinstance(item, Slot)]
    if found != list(range(count)):
        raise ModelError(
            f"The chat template must keep every part of the prompt in order, got parts {found} of "
            f"{count} for turns {turns}; write the prompt in a form that the model was made for."
        )
    return tuple(items)
