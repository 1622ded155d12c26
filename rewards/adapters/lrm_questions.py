"""The three questions of the Large Reward Models, and how their answers are read."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.rewards.adapters.published_prompt import prompt_parts
from kibble.rewards.adapters.spoken import Spoken
from kibble.rewards.vlm.prompt import Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Reply
from kibble.rewards.vlm.readouts.json_answer import json_choice, json_number
from kibble.rewards.vlm.readouts.said import number_confidence, said_probability

__all__ = ["ask_completion", "ask_contrastive", "ask_progress"]

TOP = 10  # likeliest tokens at each place, for the confidence
_SIDES = {"ImageA": -1.0, "ImageB": 1.0}
_ANSWERS = {"yes": 1.0, "no": 0.0}


def ask_contrastive(task: str, before: Picture, now: Picture) -> Spoken:
    """Ask which of two pictures is further: -1 the one before, +1 the newest."""
    key = "more_complete_image"

    def read(reply: Reply) -> tuple[float, float]:
        side = json_choice(reply.text, key, _SIDES)
        said = next(name for name, meaning in _SIDES.items() if meaning == side)
        return side, said_probability(reply.tokens, said)

    return Spoken(
        prompt=_prompt("lrm_contrastive", task, (before, now)),
        max_tokens=512,
        choices=tuple(f'{{ "{key}": "{name}" }}' for name in _SIDES),
        read=read,
        low=-1.0,
        high=1.0,
        adapter="contrastive",
    )


def ask_progress(task: str, goal: Picture | None, start: Picture | None, now: Picture) -> Spoken:
    """Ask how far the newest picture is, in tenths, with the goal and the start where given."""
    key = "completion_progress"

    def read(reply: Reply) -> tuple[float, float]:
        progress = json_number(reply.text, key, low=0.0, high=1.0)
        said = reply.text.rpartition(":")[2].strip(' "}\n`')

        def other(text: str) -> float:
            return json_number(f'{{"{key}": {text}}}', key, low=0.0, high=1.0)

        return progress, number_confidence(reply.tokens, said, other, low=0.0, high=1.0)

    name = "lrm_progress" + "_goal" * (goal is not None) + "_initial" * (start is not None)
    shown = [picture for picture in (goal, start, now) if picture is not None]
    return Spoken(
        prompt=_prompt(name, task, shown),
        max_tokens=128,
        choices=tuple(f'{{ "{key}": {tenths / 10} }}' for tenths in range(11)),
        read=read,
        low=0.0,
        high=1.0,
        top=TOP,
        adapter="progress",
    )


def ask_completion(task: str, now: Picture) -> Spoken:
    """Ask whether the task is done: 1 or 0."""
    key = "task_completed"

    def read(reply: Reply) -> tuple[float, float]:
        done = json_choice(reply.text, key, _ANSWERS)
        return done, said_probability(reply.tokens, "yes" if done else "no")

    return Spoken(
        prompt=_prompt("lrm_completion", task, (now,)),
        max_tokens=128,
        choices=tuple(f'{{ "{key}": "{word}" }}' for word in _ANSWERS),
        read=read,
        low=0.0,
        high=1.0,
        adapter="completion",
    )


def _prompt(name: str, task: str, shown: Sequence[Picture]) -> Prompt:
    return Prompt(turns=(Turn("user", prompt_parts(name, task, shown)),))
