"""How sure a model was of a word by its probability, of a number by what else it weighed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.number import signed_number
from kibble.rewards.vlm.readouts.said import number_confidence, said_probability
from kibble.rewards.vlm.readouts.score_tag import signed_percentage

TOKENS = tuple(
    Token(text=text, logprob=math.log(p))
    for text, p in (("<", 0.9), ("score>", 0.8), ("+3", 0.5), ("3%", 0.4), ("</score>", 0.7))
)


def percent(text: str) -> float:
    return signed_percentage(f"<score>{text}</score>")


def score(text: str) -> float:
    return signed_number(text, low=-100, high=100)


def numbers(said: str, weighed: dict[str, float]) -> Token:
    top = {text: math.log(p) for text, p in weighed.items()}
    return Token(text=said, logprob=top[said], top=top)


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
        ((), "1"),
        (TOKENS, "4"),
        ((Token(text="1", logprob=float("nan")),), "1"),
    ],
)
def test_it_is_one_where_nothing_is_known(tokens: tuple[Token, ...], value: str) -> None:
    assert said_probability(tokens, value) == 1.0
    assert number_confidence(tokens, value, float, low=0, high=9) == 1.0


def test_rounding_never_gives_more_than_one() -> None:
    token = Token(text="1", logprob=1e-9)
    assert said_probability([token], "1") == 1.0
    assert number_confidence([token], "1", float, low=0, high=9) == 1.0


def test_impossible_is_zero() -> None:
    token = Token(text="1", logprob=-math.inf, top={"no": 0.0})
    assert said_probability([token], "1") == 0.0
    assert number_confidence([token], "1", score, low=-100, high=100) == 0.0


@given(
    st.dictionaries(st.integers(-100, 100), st.floats(0.01, 1.0), min_size=1, max_size=8),
    st.floats(0.0, 0.5),
)
def test_one_token_spreads_as_its_distribution(weights: dict[int, float], lost: float) -> None:
    total = sum(weights.values()) / (1.0 - lost)
    weighed = {f"{number:+d}": weight / total for number, weight in weights.items()}
    said = max(weighed, key=lambda text: weighed[text])
    squared = sum(p * (score(text) - score(said)) ** 2 for text, p in weighed.items())
    expected = 1.0 - math.sqrt(squared + lost * 100.0**2) / 100.0
    got = number_confidence([numbers(said, weighed)], said, score, low=-100, high=100)
    assert got == pytest.approx(max(expected, 0.0), abs=1e-6)


def test_digits_count_by_their_place() -> None:
    sure = numbers("+", {"+": 1.0})
    ones = [sure, numbers("3", {"3": 1.0}), numbers("3", {"3": 0.5, "4": 0.5})]
    tens = [sure, numbers("3", {"3": 0.5, "4": 0.5}), numbers("3", {"3": 1.0})]
    sign = [numbers("+", {"+": 0.5, "-": 0.5}), *(numbers("3", {"3": 1.0}),) * 2]
    got = [number_confidence(t, "+33", score, low=-100, high=100) for t in (ones, tens, sign)]
    away = [1.0, 10.0, 66.0]
    assert got == pytest.approx([1.0 - math.sqrt(0.5 * d**2) / 100.0 for d in away])


def test_what_comes_after_an_unlikely_token_counts_less() -> None:
    tokens = [numbers("3", {"3": 0.25, "4": 0.75}), numbers("0", {"0": 0.5, "8": 0.5})]
    got = number_confidence(tokens, "30", score, low=-100, high=100)
    squared = 0.75 * 10.0**2 + 0.25 * 0.5 * 8.0**2
    assert got == pytest.approx(1.0 - math.sqrt(squared) / 100.0)


def test_a_number_may_end_early_and_tokens_may_hold_more_than_it() -> None:
    tokens = [
        numbers("<score>+", {"<score>+": 1.0}),
        numbers("3", {"3": 1.0}),
        numbers("3", {"3": 0.5, "%": 0.5}),  # +33% or +3%
        numbers("%</score>", {"%</score>": 0.9, "!": 0.1}),
    ]
    got = number_confidence(tokens, "+33%", percent, low=-1.0, high=1.0)
    squared = 0.5 * 0.30**2 + 0.5 * 0.1 * 1.0**2
    assert got == pytest.approx(1.0 - math.sqrt(squared))


def test_a_certain_model_is_sure_and_a_torn_one_is_not() -> None:
    certain = numbers("-100", {"-100": 1.0})
    torn = numbers("-100", {"-100": 0.5, "100": 0.5})
    assert number_confidence([certain], "-100", score, low=-100, high=100) == 1.0
    assert number_confidence([torn], "-100", score, low=-100, high=100) == 0.0


def test_probability_that_is_no_number_takes_confidence_away() -> None:
    token = numbers("+5", {"+5": 0.75, "no": 0.25})
    got = number_confidence([token], "+5", score, low=-100, high=100)
    assert got == pytest.approx(1.0 - np.sqrt(0.25))
