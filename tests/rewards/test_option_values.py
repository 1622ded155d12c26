"""Options are typed by the fields of a dataclass."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kibble.rewards.errors import ConfigError
from kibble.rewards.option_values import read_options


@dataclass(frozen=True, kw_only=True)
class Parent:
    """Fields of every kind."""

    word: str = "a"
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Options(Parent):
    """Fields of every kind."""

    share: float = 0.5
    swift: bool = False
    seed: int | None = 0
    goals: tuple[str, ...] = ()
    size: tuple[int, int] = (1, 2)


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """No fields."""


def test_values_have_the_types_of_their_fields():
    pairs = [
        ("word", "1"),
        ("count", "3"),
        ("share", "1e-2"),
        ("swift", "true"),
        ("seed", "null"),
        ("goals", "x"),
        ("goals", "y, z"),
        ("size", "3"),
        ("size", "4"),
    ]
    assert read_options(Options, pairs, model="m") == Options(
        word="1", count=3, share=0.01, swift=True, seed=None, goals=("x", "y, z"), size=(3, 4)
    )
    assert read_options(Options, [("seed", "7"), ("goals", "x")], model="m").goals == ("x",)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("coumt", "1")], r"reward model m must be known, got 'coumt'; did you mean count"),
        ([("zz", "1")], r"got 'zz'; known: word, count, share, "),
        ([("count", "1.5")], r"`count` of m must be a whole number, got '1.5'"),
        ([("share", "half")], r"`share` of m must be a number, got 'half'"),
        ([("swift", "maybe")], r"`swift` of m must be true or false, got 'maybe'"),
        ([("word", "a"), ("word", "b")], r"`word` of m takes one value, got \['a', 'b'\]"),
        ([("size", "1")], r"`size` of m must be given 2 times, got 1 values"),
    ],
)
def test_mistakes_are_named(pairs, message):
    with pytest.raises(ConfigError, match=message):
        read_options(Options, pairs, model="m")


def test_a_model_without_options_says_so():
    with pytest.raises(ConfigError, match="Reward model m has no options, got 'a'"):
        read_options(Nothing, [("a", "1")], model="m")
