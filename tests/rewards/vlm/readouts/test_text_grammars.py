"""Well-formed answers are read as what they say, and whatever is read is in range."""

from __future__ import annotations

import doctest
import json
from importlib import import_module

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kibble.rewards.types import Status
from kibble.rewards.vlm.questions import Failure, HiddenStates, Ratings, Reply
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.frame_list import frame_percentages
from kibble.rewards.vlm.readouts.json_answer import json_choice, json_number
from kibble.rewards.vlm.readouts.number import signed_number
from kibble.rewards.vlm.readouts.reply import finished_text, hidden_states, rated
from kibble.rewards.vlm.readouts.rubric import rubric_score
from kibble.rewards.vlm.readouts.score_tag import signed_percentage
from kibble.rewards.vlm.readouts.word import one_word

MODULES = (
    *("bins", "digits", "expectation", "frame_list", "json_answer", "json_text", "number"),
    *("reply", "rubric", "said", "score_tag", "token_probability", "uncertainty", "word"),
)
spaces = st.sampled_from(["", " ", "\n", "  \n\t"])
prose = st.text(st.characters(exclude_characters='{}[]"`', exclude_categories=["Cs"]))


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    module = import_module(f"kibble.rewards.vlm.readouts.{name}")
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0


@given(st.integers(-999, 999), st.booleans(), spaces, spaces)
def test_a_score_is_read_and_clamped(percent, sign, before, after):
    text = f"{before}<score>{percent:{'+' if sign else ''}d}%</score>{after}"
    assert signed_percentage(text) == max(-1.0, min(1.0, percent / 100))


@given(st.integers(-1000, 1000), st.booleans(), spaces)
def test_a_bare_number_is_read(tenths, sign, space):
    text = f"{space}{tenths / 10:{'+' if sign else ''}.1f}{space}"
    assert signed_number(text, low=-100, high=100) == tenths / 10


@given(st.integers(1, 5), spaces)
def test_a_rubric_score_is_read(score, space):
    assert rubric_score(f"{space}ANSWER: {score}{space}") == score


@given(st.sampled_from(["positive", "Negative", "UNCLEAR"]), st.sampled_from(["", "."]), spaces)
def test_a_word_is_read_whatever_its_case(word, stop, space):
    meanings = {"positive": 1, "negative": -1, "unclear": 0}
    assert one_word(f"{space}{word}{stop}{space}", meanings) == meanings[word.lower()]


@given(st.integers(0, 100), st.booleans(), prose, st.booleans())
def test_a_number_in_json_is_read_after_reasoning(percent, quoted, reasoning, fenced):
    value = percent / 100
    body = json.dumps({"completion_progress": str(value) if quoted else value})
    text = f"{reasoning}\n```json\n{body}\n```" if fenced else f"{reasoning} {body}"
    assert json_number(text, "completion_progress", low=0, high=1) == value


@given(st.sampled_from(["yes", "no"]), prose)
def test_a_choice_in_json_is_read_after_reasoning(word, reasoning):
    text = reasoning + json.dumps({"task_completed": word}, indent=2)
    assert json_choice(text, "task_completed", {"yes": 1, "no": 0}) == (word == "yes")


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.randoms(), prose, st.booleans())
def test_a_list_of_frames_is_read_in_the_order_shown(percentages, order, reasoning, described):
    entries = [
        {"frame_number": i, "task_completion_percentage": percentage}
        | ({"frame_description": 'it "moves" [a] {b}'} if described else {})
        for i, percentage in enumerate(percentages, start=1)
    ]
    order.shuffle(entries)
    text = f"{reasoning}\n```json\n{json.dumps(entries, indent=1)}\n```"
    expected = np.asarray(percentages) / 100
    np.testing.assert_allclose(frame_percentages(text, len(percentages)), expected, rtol=1e-12)


JUNK = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="<score>/+-0123456789% ANWER:{}[]\"',.eEnaif\n", max_size=40),
    st.from_regex(r"(<score>)?[+-]?[0-9.]{0,6}%?(</score>)?", fullmatch=True),
    st.from_regex(r'\{"p": ?("?[-+0-9.eE]{0,6}"?|true|NaN|null)\}', fullmatch=True),
)


@given(JUNK)
@example("<score>-0%</score>")
@example('{"p": 1e400}')
def test_whatever_is_read_of_junk_is_in_range(text):
    for read, low, high in (
        (signed_percentage, -1.0, 1.0),
        (lambda text: signed_number(text, low=-100, high=100), -100.0, 100.0),
        (rubric_score, 1, 5),
        (lambda text: json_number(text, "p", low=0, high=1), 0.0, 1.0),
    ):
        try:
            value = read(text)
        except AnswerError:
            continue
        assert low <= value <= high
        assert not (value == 0 and np.signbit(value))


def test_an_answer_that_was_cut_off_is_none():
    with pytest.raises(AnswerError, match=r"must end by itself, got '\+1' cut off"):
        finished_text(Reply(text="+1", finished=False))


def test_answers_of_another_kind_are_refused():
    with pytest.raises(AnswerError, match="must be a Reply, got Failure"):
        finished_text(Failure(status=Status.TIMEOUT, reason="late"))
    with pytest.raises(AnswerError, match="must be Ratings, got Reply"):
        rated(Reply(text="yes"), 2)
    with pytest.raises(AnswerError, match="must be HiddenStates, got Reply"):
        hidden_states(Reply(text="yes"), "<s>", 1)


@pytest.mark.parametrize("bad", [np.nan, 0.1, np.inf])
def test_ratings_are_log_probabilities(bad):
    with pytest.raises(AnswerError, match="must be log-probabilities <= 0"):
        rated(Ratings(logprobs=np.array([-1.0, bad])), 2)
    with pytest.raises(AnswerError, match=r"must have shape \(3,\)"):
        rated(Ratings(logprobs=np.array([-1.0, -2.0])), 3)


def test_hidden_states_are_finite_and_as_many_as_asked_for():
    states = HiddenStates(states={"<s>": np.full((2, 3), np.nan, np.float32)})
    with pytest.raises(AnswerError, match="must be finite"):
        hidden_states(states, "<s>", 2)
    with pytest.raises(AnswerError, match="There must be 3 hidden states of '<s>'"):
        hidden_states(states, "<s>", 3)
    with pytest.raises(AnswerError, match="There must be 2 hidden states of '<other>'"):
        hidden_states(states, "<other>", 2)
