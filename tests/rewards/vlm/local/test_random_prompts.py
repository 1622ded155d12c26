"""Prompts drawn at random: the same tokens and probabilities as the library's, cold and warm."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.vlm.local.library import ARCHITECTURES, backend, library, picture, pictures

from kibble.rewards.vlm.prompt import Clip, Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Rate, Ratings, Say

WORDS = (
    "yes",
    "Ünïcode ñ",
    "\n\n",
    " ",
    "12 %",
    "<score>",
    "<|x|>",
    "a\tb",
    "  two",
    "日本",
    "don't",
    '{"k": 1}',
    "...",
    "½ ﬁ",
)
SHAPES = ((64, 96), (33, 47), (100, 70), (20, 200), (200, 20))
PICTURES = tuple(picture(i, *SHAPES[i % len(SHAPES)]) for i in range(10))
FRAMES = pictures(8, seed=5)


def _text(rng: np.random.Generator) -> str:
    return "".join(rng.choice(WORDS, rng.integers(1, 6)))


def _part(rng: np.random.Generator, frames: int) -> str | Picture | Clip:
    kind = rng.integers(5)
    if kind < 2:
        return _text(rng)
    if kind < 4:
        return PICTURES[rng.integers(len(PICTURES))]
    begin = rng.integers(3)
    return Clip(FRAMES[begin : begin + frames], float(rng.choice([0.5, 1.0, 3.3])))


def _prompt(rng: np.random.Generator) -> Prompt:
    frames = int(rng.integers(2, 6))  # InternVL's processor wants clips of one length
    turns = []
    if rng.random() < 0.3:
        turns.append(Turn("system", (_text(rng),)))
    for _ in range(rng.integers(1, 4)):
        turns.append(Turn("user", tuple(_part(rng, frames) for _ in range(rng.integers(1, 6)))))
        if rng.random() < 0.5:
            turns.append(Turn("assistant", (_text(rng),)))
    if turns[-1].role == "user" and rng.random() < 0.3:
        turns[-1] = Turn("user", (*turns[-1].parts, _text(rng)))
        return Prompt(tuple(turns), open_ended=True)
    return Prompt(tuple(turns))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_random_prompts(architecture: str) -> None:
    rng = np.random.default_rng(7)
    own, asked = library(architecture), backend(architecture, batch=4)
    prompts = [_prompt(rng) for _ in range(10)]
    for prompt in prompts:
        rendered = asked._asking.render(Say(prompt=prompt))
        np.testing.assert_array_equal(rendered.ids, own.inputs(prompt)["input_ids"][0])
    expected = [[own.rating(prompt, answer) for answer in ("yes", "no")] for prompt in prompts]
    questions = [Rate(prompt=prompt, answers=("yes", "no")) for prompt in prompts]
    for _ in range(2):
        asked._memo.clear()
        for answer, logprobs in zip(asked.answer(questions), expected, strict=True):
            assert isinstance(answer, Ratings)
            np.testing.assert_allclose(answer.logprobs, logprobs, atol=5e-5)
