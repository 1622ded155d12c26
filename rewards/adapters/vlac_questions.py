"""The two questions of VLAC, and how their answers are read."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.rewards.adapters.published_prompt import joined_texts, prompt_parts, prompt_text
from kibble.rewards.adapters.spoken import Spoken
from kibble.rewards.vlm.prompt import Part, Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Reply
from kibble.rewards.vlm.readouts.digits import expected_number
from kibble.rewards.vlm.readouts.number import signed_number
from kibble.rewards.vlm.readouts.said import number_confidence

__all__ = ["SCORES", "ask_done", "ask_score"]

MAX_TOKENS = 16  # a number takes two or three
TOP = 10  # likeliest tokens at each place, as the authors ask for
SCORES = (
    *(f"-{percent}" for percent in range(100, 0, -1)),
    "0",
    *(f"+{percent}" for percent in range(1, 101)),
)


def ask_score(
    task: str,
    references: Sequence[Picture],
    start: Picture,
    before: Picture,
    after: Picture,
    *,
    rich: bool,
) -> Spoken:
    """Ask for the signed percentage of what was left to do, from one picture to the next.

    Args:
        task: The instruction.
        references: Pictures of a demonstration, evenly spread, or none.
        start: The episode's start, shown beside references alone.
        before: The earlier picture.
        after: The later one.
        rich: Whether the answer is read as a mean over the likeliest numbers.
    """
    parts = prompt_parts("vlac_pair", task, (before, after))
    if references:
        pair = prompt_parts("vlac_pair_in_context", task, (start, before, after))
        parts = joined_texts((*_trajectory(task, references), *pair))
    return _spoken(parts, SCORES, -100.0, 100.0, rich=rich)


def ask_done(task: str, now: Picture) -> Spoken:
    """Ask whether the task is done, 1 or 0, read as the mean over both."""
    return _spoken(prompt_parts("vlac_done", task, (now,)), ("0", "1"), 0.0, 1.0, rich=True)


def _spoken(
    parts: tuple[Part, ...], choices: tuple[str, ...], low: float, high: float, *, rich: bool
) -> Spoken:
    def number(text: str) -> float:
        return signed_number(text, low=low, high=high)

    def read(reply: Reply) -> tuple[float, float]:
        if rich:
            mean = expected_number(reply.tokens, low=low, high=high)
            return mean.value, mean.confidence
        said = reply.text.strip()
        sure = number_confidence(reply.tokens, said, number, low=low, high=high)
        return number(said), sure

    return Spoken(
        prompt=Prompt(turns=(Turn("system", (prompt_text("vlac_system"),)), Turn("user", parts))),
        max_tokens=MAX_TOKENS,
        choices=choices,
        read=read,
        low=low,
        high=high,
        top=TOP,
    )


def _trajectory(task: str, references: Sequence[Picture]) -> tuple[Part, ...]:
    """Return the reference trajectory, each picture after its percentage of the way."""
    parts: list[Part] = []
    text = f"<trajectory> <task> {task} </task>:"
    for i, picture in enumerate(references):
        parts += [f"{text} {int(i / (len(references) - 1) * 100)}% ", picture]
        text = "\n"
    return (*parts, "\n</trajectory>")
