"""Composing: every file of ``configs`` gives the dataclass that its command takes."""

from __future__ import annotations

import itertools
import shlex
from importlib import resources
from pathlib import Path

import pytest

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.schema import describe_keys, describe_type
from kibble.agents.command_line.table import COMMANDS, split_command
from kibble.rewards.errors import ConfigError

CONFIGS = Path(str(resources.files("kibble.configs")))
GROUPS = sorted(path.name for path in CONFIGS.iterdir() if (path.is_dir() and path.name[0] != "_"))
OPTIONS = [(group, path.stem) for group in GROUPS for path in sorted((CONFIGS / group).glob("*"))]
NEEDED = {
    ("task", "gymnasium"): ["task.id=Pendulum-v1", "task.name=pendulum"],
    ("reward", "path"): ["reward.weights=models/mine"],
    ("reward", "contrasting_goals"): ["reward.weights=contrasting_goals?negative=a mess"],
    ("reward", "yes_token"): ["reward.weights=yes_token@me/model"],
    ("reward", "remote"): ["reward.weights=remote@http://127.0.0.1:8300/grm_tiny"],
}

REQUIRED = {
    "calibrate": ["camera=a.yaml", "picture=a.png"],
    "evaluate": ["run=runs/a"],
    "score": ["input=a.mp4"],
    "sweep": ["out=runs/sweep"],
    "adapt": ["demo=data/a", "out=models/a"],
    "ros convert": ["input=a.mcap", "output=data/a"],
    "ros say": ["ready"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_composes(name: str) -> None:
    command = COMMANDS[name]
    with open_composer(command) as composer:
        needed = REQUIRED.get(name, [])
        assert isinstance(composer.instantiate(needed), command.load_schema())


@pytest.mark.parametrize(
    "line", [line for command in COMMANDS.values() for line, _ in command.examples]
)
def test_every_example_of_help_composes(line: str) -> None:
    command, overrides = split_command(shlex.split(line)[1:])
    assert command is not None
    with open_composer(command) as composer:
        assert isinstance(composer.instantiate(overrides), composer.schema)


def test_every_file_of_configs_belongs_to_a_command() -> None:
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == {
        row.file for row in COMMANDS.values()
    }


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes(group: str, option: str) -> None:
    with open_composer(COMMANDS["train"]) as composer:
        overrides = [f"{group}={option}", *NEEDED.get((group, option), [])]
        assert isinstance(composer.instantiate(overrides), composer.schema)


def test_every_pair_of_options_of_shaping_and_agent_composes() -> None:
    with open_composer(COMMANDS["train"]) as composer:
        for shaping, agent in itertools.product(
            *(composer.groups[g] for g in ("shaping", "agent"))
        ):
            composer.instantiate([f"shaping={shaping}", f"agent={agent}"])


@pytest.mark.parametrize("more", [[], ["task.id=Pendulum-v1"], ["task.name=swing"]])
def test_another_projects_task_needs_id_and_name(more: list[str]) -> None:
    with (
        open_composer(COMMANDS["train"]) as composer,
        pytest.raises(ConfigError, match=r"`task\.id` must be a Gymnasium id and `task\.name` a"),
    ):
        composer.instantiate(["task=gymnasium", *more])


def test_meanings_come_from_docstrings_of_nested_dataclasses() -> None:
    meanings = describe_keys(COMMANDS["render"].load_schema())
    assert meanings["seed"].startswith("Seed of the first row")
    assert "Gymnasium id" in meanings["task.id"]


def test_types_in_words() -> None:
    assert describe_type(dict[str, int]) == "a mapping such as {name: value}"
    assert describe_type(float | str) == "a number, or text"
    assert describe_type(list[str] | None) == "a list such as [front,wrist], or null"
