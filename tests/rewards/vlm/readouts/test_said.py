"""The probability of the tokens that spell what was read."""

from __future__ import annotations

import math

import pytest

from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.said import said_probability

TOKENS = tuple(
    Token(text=text, logprob=math.log(p))
    for text, p in (("<", 0.9), ("score>", 0.8), ("+3", 0.5), ("3%", 0.4), ("</score>", 0.7))
)


def test_only_tokens_of_the_value_count() -> None:
    assert said_probability(TOKENS, "+33%") == pytest.approx(0.5 * 0.4)
    assert said_probability(TOKENS, "+33") == pytest.approx(0.5 * 0.4)  # they overlap it
    assert said_probability(TOKENS, "<score>+33%</score>") == pytest.approx(
        0.9 * 0.8 * 0.5 * 0.4 * 0.7
    )


def test_the_last_of_several_counts() -> None:
    tokens = [Token(text=text, logprob=math.log(p)) for text, p in (("yes ", 0.1), ("yes", 0.6))]
    assert said_probability(tokens, "yes") == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("tokens", "value"),
    [
        ((), "yes"),
        (TOKENS, "no"),
        (TOKENS, ""),
        ((Token(text="yes", logprob=float("nan")),), "yes"),
    ],
)
def test_it_is_one_where_nothing_is_known(tokens: tuple[Token, ...], value: str) -> None:
    assert said_probability(tokens, value) == 1.0


def test_rounding_never_gives_more_than_one() -> None:
    assert said_probability([Token(text="yes", logprob=1e-9)], "yes") == 1.0


def test_impossible_is_zero() -> None:
    assert said_probability([Token(text="yes", logprob=-math.inf)], "yes") == 0.0
