"""Sentences reach the command as they were written."""

from __future__ import annotations

import pytest

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.sentences import quote_sentences
from kibble.agents.command_line.table import COMMANDS
from kibble.rewards.errors import ConfigError

SENTENCES = [
    "push the red cube",
    "take the mug, without spilling, and put it down",
    "it's the robot's turn",
    'push the "red" one',
    """the robot's "red" cube, (now)""",
    "100 % of {it}: [done]?",
    "42",
    "true",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences_reach_the_command_as_they_are(sentence: str) -> None:
    with open_composer(COMMANDS["score"]) as composer:
        config = composer.instantiate(["input=a.mp4", f"instruction={sentence}"])
    assert config.instruction == sentence  # type: ignore[attr-defined]


def test_inner_keys_and_quoted_sentences() -> None:
    with open_composer(COMMANDS["train"]) as composer:
        plain = composer.instantiate(["task.instruction=one, two"])
        quoted = composer.instantiate(["task.instruction='one, two'"])
        none = composer.instantiate(["task.instruction=null"])
    assert plain.task.instruction == quoted.task.instruction == "one, two"  # type: ignore[attr-defined]
    assert none.task.instruction is None  # type: ignore[attr-defined]


REFERENCE = "clip@/a/b?goal=it's open, wide&alpha=0.5"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([f"reward={REFERENCE}"], [REFERENCE]),
        ([f"reward=grm_tiny,{REFERENCE},models/mine"], ["grm_tiny", REFERENCE, "models/mine"]),
        ([f"reward=[grm_tiny,{REFERENCE}]"], ["grm_tiny", REFERENCE]),
        ([f'reward=["{REFERENCE}", random]'], [REFERENCE, "random"]),
        (["reward=grm_tiny,random"], ["grm_tiny", "random"]),
        (["reward=random?seed=1"], ["random?seed=1"]),
    ],
)
def test_references_reach_the_command_as_they_are(words: list[str], expected: list[str]) -> None:
    with open_composer(COMMANDS["score"]) as composer:
        config = composer.instantiate(["input=a.mp4", *words])
    assert config.reward == expected  # type: ignore[attr-defined]


def test_a_reference_of_one_model_needs_no_quotes_either() -> None:
    with open_composer(COMMANDS["train"]) as composer:
        for word in (f"reward.weights={REFERENCE}", f'reward.weights="{REFERENCE}"'):
            config = composer.instantiate(["reward=clip", word, "reward.also=[random?seed=1]"])
            assert config.reward.weights == REFERENCE  # type: ignore[attr-defined]
            assert config.reward.also == ["random?seed=1"]  # type: ignore[attr-defined]
        with pytest.raises(ConfigError, match="A reward model is named as NAME, NAME@WEIGHTS"):
            composer.instantiate(["reward=path", "reward.weights='clip?alpha'"])


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_reference_chooses_the_config_of_its_model(quote: str) -> None:
    with open_composer(COMMANDS["train"]) as composer:
        for reference in ("clip@/a/b", "clip?goal=open, wide&alpha=0"):
            config = composer.instantiate([f"reward={quote}{reference}{quote}"])
            assert (config.reward.name, config.reward.weights) == ("clip", reference)  # type: ignore[attr-defined]
        with pytest.raises(ConfigError, match=r"`reward` must name one of its options"):
            composer.instantiate(["reward=clap@/a/b"])


@pytest.mark.parametrize("word", ["instruction=", "instruction=null", "seed=1,2", "instruction"])
def test_other_words_stay(word: str) -> None:
    assert quote_sentences([word]) == [word]
