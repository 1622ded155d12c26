"""One grammar for the names of reward models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.reference import ModelReference, parse_reference

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
WEIGHTS = st.none() | st.from_regex(r"[A-Za-z0-9:/._@-]{1,12}", fullmatch=True)
OPTIONS = st.lists(st.tuples(NAMES, st.text(max_size=12)), max_size=4).map(tuple)


@given(name=NAMES, weights=WEIGHTS, options=OPTIONS)
def test_text_and_parts_say_the_same(name, weights, options):
    reference = ModelReference(name=name, weights=weights, options=options)
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grm_tiny", ModelReference(name="grm_tiny")),
        (
            "remote@http://127.0.0.1:8000/grm_tiny",
            ModelReference(name="remote", weights="http://127.0.0.1:8000/grm_tiny"),
        ),
        (
            "gvl@me/model@v2?seed=3",
            ModelReference(name="gvl", weights="me/model@v2", options=(("seed", "3"),)),
        ),
        ("models/mine?reading=mean", None),
        ("a/b@c", ModelReference(name="a/b@c")),
        (
            "clip?goal=100%25 open %26 still=shut",
            ModelReference(name="clip", options=(("goal", "100% open & still=shut"),)),
        ),
    ],
)
def test_what_references_mean(text, expected):
    expected = expected or ModelReference(name="models/mine", options=(("reading", "mean"),))
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["", " ", "@me/model", "gvl@", "gvl?", "gvl?a", "gvl?a=1&&b=2"])
def test_what_does_not_follow_the_grammar_is_refused(text):
    with pytest.raises(ConfigError, match=r"A reward model is named as NAME, NAME@WEIGHTS, "):
        parse_reference(text)


def test_what_is_there_is_a_path_whatever_signs_it_has(tmp_path):
    odd = tmp_path / "mine@2?a=b"
    odd.mkdir()
    assert parse_reference(str(odd)) == ModelReference(name=str(odd))


def test_defaults_give_way_to_what_is_said():
    reference = parse_reference("grm_tiny?reading=mean").with_defaults(reading="gated", a="b")
    assert str(reference) == "grm_tiny?reading=mean&a=b"
