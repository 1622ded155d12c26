"""Answers as models really garble them, and as they are led to: none of them is a number."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.frame_list import frame_percentages
from kibble.rewards.vlm.readouts.json_answer import json_choice, json_number
from kibble.rewards.vlm.readouts.number import signed_number
from kibble.rewards.vlm.readouts.rubric import rubric_score
from kibble.rewards.vlm.readouts.score_tag import signed_percentage
from kibble.rewards.vlm.readouts.word import one_word

CORPUS = json.loads(Path(__file__).with_name("malformed.json").read_text())
READERS = {
    "score_tag": signed_percentage,
    "number": lambda text: signed_number(text, low=-100.0, high=100.0),
    "rubric": rubric_score,
    "yes_no": lambda text: one_word(text, {"yes": 1.0, "no": 0.0}),
    "trend": lambda text: one_word(text, {"positive": 1.0, "negative": -1.0, "unclear": 0.0}),
    "json_number": lambda text: json_number(text, "completion_progress", low=0.0, high=1.0),
    "json_choice": lambda text: json_choice(
        text, "more_complete_image", {"ImageA": -1.0, "ImageB": 1.0}
    ),
    "frame_list": lambda text: frame_percentages(text, 3),
}


def test_the_corpus_has_hundreds_of_answers_for_every_reader():
    assert set(CORPUS) == set(READERS)
    assert all(len(set(texts)) == len(texts) >= 50 for texts in CORPUS.values())
    assert sum(map(len, CORPUS.values())) >= 500


@pytest.mark.parametrize("grammar", READERS)
def test_no_malformed_answer_becomes_a_number(grammar):
    read = {}
    for text in CORPUS[grammar]:
        with contextlib.suppress(AnswerError):
            read[text] = READERS[grammar](text)
    assert read == {}
