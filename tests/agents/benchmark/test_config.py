"""Settings of the benchmark."""

from __future__ import annotations

import pytest

from kibble.agents.benchmark.config import KNOWN_TASKS, BenchmarkConfig
from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.errors import ConfigError


def test_the_known_tasks_are_those_of_the_suite():
    assert set(KNOWN_TASKS) == set(TASKS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": []}, "`reward` must name a reward model, got none"),
        ({"reward": ["a", "b", "a"]}, "must name each model once, got 'a' twice"),
        ({"tasks": []}, "`tasks` must name a task, got none"),
        ({"tasks": ["psuh"]}, "`tasks` must be one of .*, got 'psuh'; did you mean 'push'"),
        ({"appearance": "night"}, "`appearance` must be one of default, heldout, got 'night'"),
        ({"batch": 0}, "`batch` must be 1 or more, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"episodes": 0}, "`episodes` must be 1 or more"),
        ({"views": "front"}, "`views` must be a list of names or a mapping, got 'front'"),
        ({"views": []}, "`views` must be a list of names"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        BenchmarkConfig(**change)


def test_models_are_named_with_commas_or_alone():
    with open_composer(COMMANDS["benchmark"]) as composer:
        several = composer.instantiate(["reward=grm_tiny,models/mine,random", "tasks=reach"])
        assert several.reward == ["grm_tiny", "models/mine", "random"]
        assert several.tasks == ["reach"]
        alone = composer.instantiate(["reward=models/mine", "views={front: laptop}"])
        assert alone.reward == ["models/mine"]
        assert dict(alone.views) == {"front": "laptop"}
