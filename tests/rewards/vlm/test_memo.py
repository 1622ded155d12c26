"""A question asked twice is answered once, and only if its answer is sure to come again."""

from __future__ import annotations

import doctest

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import kibble.rewards.vlm.memo
from kibble.rewards.types import Status
from kibble.rewards.vlm.memo import Memo, question_key
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Failure, Probe, Rate, Reply, Say


def picture(value: int) -> Picture:
    return Picture(np.full((2, 2, 3), value, np.uint8))


parts = st.one_of(
    st.text("ab", max_size=2),
    st.builds(picture, st.integers(0, 1)),
    st.builds(
        lambda values, fps: Clip(tuple(map(picture, values)), fps),
        st.lists(st.integers(0, 1), min_size=1, max_size=2),
        st.sampled_from([1.0, 2.0]),
    ),
)
turns = st.builds(
    Turn, st.sampled_from(["user", "assistant"]), st.lists(parts, max_size=2).map(tuple)
)
prompts = st.builds(
    Prompt,
    turns=st.lists(turns, min_size=1, max_size=2).map(tuple),
    pixels=st.sampled_from([None, (1, 2)]),
    open_ended=st.booleans(),
)
words = st.lists(st.sampled_from(["a", "b", "a, b"]), min_size=1, max_size=2).map(tuple)
adapters = st.sampled_from(["", "a"])
questions = st.one_of(
    st.builds(
        Say,
        prompt=prompts,
        max_tokens=st.integers(1, 2),
        choices=st.none() | words,
        top=st.integers(0, 1),
        temperature=st.sampled_from([0.0, 1.0]),
        seed=st.integers(0, 1),
        adapter=adapters,
    ),
    st.builds(Rate, prompt=prompts, answers=words, adapter=adapters),
    st.builds(Probe, prompt=prompts, tokens=words, adapter=adapters),
)


def plain(value: object) -> object:
    """All that a question says, as nested tuples."""
    if isinstance(value, Picture):
        return "picture", value.pixels.tobytes()
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if hasattr(value, "__slots__"):
        fields = {name: getattr(value, name) for name in value.__slots__}
        if isinstance(value, Say) and not value.temperature:
            fields.pop("seed")
        return type(value).__name__, tuple((k, plain(v)) for k, v in sorted(fields.items()))
    return value


def test_examples_in_docstrings_hold():
    failed, tried = doctest.testmod(kibble.rewards.vlm.memo)
    assert tried > 0
    assert failed == 0


@given(questions, questions)
def test_keys_are_equal_for_equal_questions_alone(one, other):
    assert (question_key(one) == question_key(other)) == (plain(one) == plain(other))


@settings(max_examples=50)
@given(st.lists(st.lists(questions, max_size=5), max_size=4), st.integers(0, 3))
def test_answers_are_those_of_their_questions(calls, entries):
    memo = Memo(entries)
    asked = []

    def ask(new):
        asked.extend(new)
        return [Reply(text=repr(plain(question))) for question in new]

    for call in calls:
        before = len(asked)
        answers = memo.answer(call, ask)
        assert [answer.text for answer in answers] == [repr(plain(one)) for one in call]
        now = asked[before:]
        assert len({question_key(question) for question in now}) == len(now)


def test_the_latest_answers_are_kept():
    memo, asked = Memo(2), []

    def ask(new):
        asked.append([question.prompt.turns[0].parts[0] for question in new])
        return [Reply(text="") for _ in new]

    a, b, c = (Say(prompt=Prompt(turns=(Turn("user", (text,)),))) for text in "abc")
    for call in ([a, b, a], [a], [c], [a], [b]):
        memo.answer(call, ask)
    assert asked == [["a", "b"], ["c"], ["b"]]  # c took the place of b, which was used before a


def test_what_failed_or_was_sampled_is_asked_again():
    memo, asked = Memo(9), []

    def ask(new):
        asked.extend(new)
        return [Failure(status=Status.TIMEOUT, reason="late") for _ in new]

    prompt = Prompt(turns=(Turn("user", ("a",)),))
    for question in (Say(prompt=prompt), Say(prompt=prompt, temperature=1.0)):
        asked.clear()
        memo.answer([question], ask)
        memo.answer([question], lambda new: asked.extend(new) or [Reply(text="") for _ in new])
        memo.answer([question], lambda new: asked.extend(new) or [Reply(text="") for _ in new])
        assert len(asked) == (3 if question.temperature else 2)
