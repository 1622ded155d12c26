from __future__ import annotations

import pytest

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.ros_commands import ROS_COMMANDS
from kibble.rewards.errors import ConfigError

SAY = next(command for command in ROS_COMMANDS if command.name == "ros say")


@pytest.mark.parametrize("words", [["stop", "domain=7"], ["word=stop", "domain=7"]])
def test_the_first_word_may_stand_without_its_key(words):
    with open_composer(SAY) as composer:
        config = composer.instantiate(words)
    assert (config.word, config.domain) == ("stop", 7)


def test_no_word_and_another_word_are_refused():
    with open_composer(SAY) as composer:
        with pytest.raises(ConfigError, match="`word` must be given"):
            composer.instantiate(["domain=7"])
        with pytest.raises(ConfigError, match=r"`word` must be one of .*did you mean 'release'"):
            composer.instantiate(["releas"])


def test_other_commands_take_no_bare_words():
    record = next(command for command in ROS_COMMANDS if command.name == "ros record")
    assert record.named(["stop"]) == ["stop"]
