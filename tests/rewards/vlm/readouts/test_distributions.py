"""Expectations, token probabilities and uncertainty against sums that are written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.bins import expected_bin, logistic
from kibble.rewards.vlm.readouts.digits import expected_number
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.expectation import expectation, probabilities_within
from kibble.rewards.vlm.readouts.token_probability import spelling_logprobs, weighed
from kibble.rewards.vlm.readouts.uncertainty import entropy_confidence, sample_confidence

weights = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=12)


def token(**probabilities: float) -> Token:
    """One place with the tokens named, the first being said; a leading _ is left out."""
    top = {text.lstrip("_"): math.log(p) for text, p in probabilities.items()}
    text, logprob = next(iter(top.items()))
    return Token(text=text, logprob=logprob, top=top)


@given(weights, st.floats(0.05, 1.0), st.data())
def test_an_expectation_is_the_weighted_mean(parts, mass, data):
    probabilities = [mass * part / sum(parts) for part in parts]
    values = data.draw(
        st.lists(st.floats(-100, 100), min_size=len(parts), max_size=len(parts)), "values"
    )
    read = expectation(np.log(probabilities), values)
    mean = sum(p * v for p, v in zip(probabilities, values, strict=True)) / sum(probabilities)
    assert read.value == pytest.approx(mean, abs=1e-9)
    assert min(values) - 1e-9 <= read.value <= max(values) + 1e-9
    assert read.outside == pytest.approx(1.0 - mass, abs=1e-9)
    assert 0.0 <= read.confidence <= 1.0


@given(weights, st.floats(-200.0, 0.0))
def test_only_ratios_count_within_the_answers(parts, shift):
    logprobs = np.log(np.asarray(parts) / sum(parts))
    values = list(range(len(parts)))
    near, far = expectation(logprobs, values), expectation(logprobs + shift, values)
    assert far.value == pytest.approx(near.value, abs=1e-6)
    assert far.outside >= near.outside - 1e-9


def test_an_impossible_answer_has_no_weight():
    assert expectation(np.array([-np.inf, math.log(0.5)]), [0.0, 1.0]).value == 1.0


@pytest.mark.parametrize(
    ("logprobs", "message"),
    [
        ([math.nan, -1.0], "must be"),
        ([0.5, -1.0], "must be"),
        ([-np.inf, -np.inf], "must be possible"),
        ([-0.1, -0.1], "must exclude each other"),
        ([], "must be"),
    ],
)
def test_what_is_no_distribution_is_refused(logprobs, message):
    with pytest.raises(AnswerError, match=message):
        probabilities_within(np.asarray(logprobs, np.float64))


def test_there_is_a_value_for_each_answer():
    with pytest.raises(AnswerError, match="one log-probability for each of 3 values"):
        expectation(np.log([0.5, 0.5]), [0.0, 1.0, 2.0])


@given(weights)
def test_confidence_falls_with_entropy(parts):
    probabilities = np.asarray(parts) / sum(parts)
    even = np.full(len(parts), 1.0 / len(parts))
    mixed = 0.5 * probabilities + 0.5 * even
    assert entropy_confidence(even) == pytest.approx(0.0, abs=1e-9)
    assert entropy_confidence(np.eye(len(parts))[0]) == 1.0
    assert entropy_confidence(mixed) <= entropy_confidence(probabilities) + 1e-9


@given(st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=9))
def test_samples_that_agree_are_sure(values):
    confidence = sample_confidence(values, low=-1.0, high=1.0)
    assert 0.0 <= confidence <= 1.0
    assert confidence == pytest.approx(1.0 - np.std(values), abs=1e-9)
    assert sample_confidence(values[:1] * 3, low=-1.0, high=1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 1.1], [0.5, math.nan]])
def test_too_few_or_impossible_samples_are_refused(values):
    with pytest.raises(AnswerError, match="must be two or more readings"):
        sample_confidence(values, low=0.0, high=1.0)


def test_a_number_of_one_token_is_the_mean_over_likely_digits():
    place = token(**{"40": 0.5, "60": 0.25, "9": 0.01, "a": 0.2})
    read = expected_number([place], low=-100, high=100)
    assert read.value == pytest.approx((0.5 * 40 + 0.25 * 60) / 0.75)  # 9 is below a tenth
    assert read.outside == pytest.approx(0.24)


def test_the_sign_is_the_one_that_was_said():
    minus, three = token(**{"-": 0.6, "+": 0.4}), token(**{"3": 0.5, "5": 0.5})
    assert expected_number([minus, three], low=-100, high=100).value == pytest.approx(-4.0)
    joined = Token(text="-3", logprob=-1, top={"-3": math.log(0.5), "+3": math.log(0.5)})
    assert expected_number([joined], low=-100, high=100).value == pytest.approx(-3.0)


def test_digits_of_several_tokens_take_the_power_of_their_place():
    tens = token(**{"4": 0.5, "6": 0.5})
    ones = token(**{"2": 0.5, "3": 0.25, "12": 0.25})
    read = expected_number([tens, ones], low=-100, high=100)
    assert read.value == pytest.approx(10 * 5 + (0.5 * 2 + 0.25 * 3) / 0.75)


@given(st.integers(0, 100))
def test_a_certain_number_is_itself(number):
    place = token(**{str(number): 1.0})
    end = Token(text="<|im_end|>", logprob=0.0)
    read = expected_number([place, end], low=0, high=100)
    assert (read.value, read.confidence, read.outside) == (number, 1.0, 0.0)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "must come with the tokens that spell it"),
        ([Token(text="</s>", logprob=0.0)], "must be one number"),
        ([token(a=1.0)], "must be one number"),
        ([token(**{"4": 1.0}), token(**{".": 1.0}), token(**{"2": 1.0})], "must be one number"),
        ([Token(text="4", logprob=math.nan)], "must come with log-probabilities"),
        ([Token(text="4", logprob=-9.0, top={"a": -0.01, "4": -9.0})], "likely ones"),
        ([token(**{"900": 1.0})], "must lie in"),
    ],
)
def test_what_is_no_number_is_refused(tokens, message):
    with pytest.raises(AnswerError, match=message):
        expected_number(tokens, low=-100, high=100)


def test_spellings_of_a_word_add_up():
    place = token(**{"Yes": 0.5, "yes": 0.2, "No": 0.1})
    logprobs = spelling_logprobs(place, [("Yes", "yes", " yes"), ("No", "no"), ("maybe",)])
    np.testing.assert_allclose(np.exp(logprobs), [0.7, 0.1, 0.0], atol=1e-12)


def test_a_place_without_log_probabilities_is_refused():
    with pytest.raises(AnswerError, match="must come with log-probabilities"):
        weighed(Token(text="yes", logprob=math.nan))
    with pytest.raises(AnswerError, match="must come with log-probabilities"):
        weighed(Token(text="yes", logprob=-1.0, top={"no": math.nan}))


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=10))
def test_bins_are_the_softmax_mean(logits):
    read = expected_bin(np.asarray(logits, np.float32))
    exponentials = [math.exp(np.float32(logit)) for logit in logits]
    last = len(logits) - 1
    mean = sum(i / last * e for i, e in enumerate(exponentials)) / sum(exponentials)
    assert read.value == pytest.approx(mean, abs=1e-9)


@given(st.floats(-700, 700))
def test_the_logistic_is_a_probability(logit):
    expected = 1.0 / (1.0 + math.exp(-logit))
    assert logistic(logit) == pytest.approx(expected, abs=1e-12)
    assert logistic(logit) + logistic(-logit) == pytest.approx(1.0)


def test_heads_that_overflow_are_refused():
    with pytest.raises(AnswerError, match="finite"):
        expected_bin(np.array([0.0, np.nan], np.float32))
    with pytest.raises(AnswerError, match="NaN"):
        logistic(math.nan)
