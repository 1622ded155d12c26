"""The question of the General Reward Model, and how its answer is read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kibble.rewards.adapters.published_prompt import prompt_parts
from kibble.rewards.adapters.spoken import Spoken
from kibble.rewards.vlm.prompt import Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Reply
from kibble.rewards.vlm.readouts.said import number_confidence
from kibble.rewards.vlm.readouts.score_tag import signed_percentage

__all__ = ["GRAMMAR", "ask_hop"]

PIXELS = (12_544, 76_800)  # least and most of each picture, in training (finetune_grm.sh) too
MAX_TOKENS = 64  # the answer takes about ten; theirs stops at 1024
TOP = 10  # likeliest tokens at each place, for the confidence
GRAMMAR = (
    *(f"<score>-{percent}%</score>" for percent in range(100, 0, -1)),
    "<score>0%</score>",
    *(f"<score>+{percent}%</score>" for percent in range(1, 101)),
)


def ask_hop(task: str, pictures: Sequence[Picture]) -> Spoken:
    """Ask for the hop from BEFORE to AFTER.

    Args:
        task: The instruction.
        pictures: Eight: reference start and end, before in three views, after in three views.
    """
    parts = prompt_parts("grm", task, pictures)
    return Spoken(
        prompt=Prompt(turns=(Turn("user", parts),), pixels=PIXELS),
        max_tokens=MAX_TOKENS,
        choices=GRAMMAR,
        read=_read,
        low=-1.0,
        high=1.0,
        top=TOP,
    )


def _read(reply: Reply) -> tuple[float, float]:
    hop = signed_percentage(reply.text)
    said = re.sub(r"</?score>", "", reply.text).strip()

    def read(text: str) -> float:
        return signed_percentage(f"<score>{text}</score>")

    return hop, number_confidence(reply.tokens, said, read, low=-1.0, high=1.0)
