"""Going on with a run under the settings that it began with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.config import TrainConfig


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory whose settings are far from the defaults."""
    began = ["task=stack", "agent=ppo", "reward=sparse", "seed=5", f"run={tmp_path}"]
    with open_composer(COMMANDS["train"]) as composer:
        config = composer.instantiate(began)
    assert isinstance(config, TrainConfig)
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(dataclasses.asdict(config)))
    return tmp_path


def _compose(*words: str) -> TrainConfig:
    with open_composer(COMMANDS["train"]) as composer:
        config = composer.instantiate(words)
    assert isinstance(config, TrainConfig)
    return config


def test_settings_of_the_run_stand(run: Path) -> None:
    config = _compose(f"run={run}", "resume=true")
    assert (config.task.name, config.agent.name, config.seed) == ("stack", "ppo", 5)
    assert config.agent.n_steps == 256
    assert config.resume


def test_what_is_named_is_in_force(run: Path) -> None:
    config = _compose(f"run={run}", "resume=true", "task=push", "agent=ppo", "agent.n_steps=64")
    assert (config.task.id, config.agent.name, config.agent.n_steps) == (
        "kibble/Push-v0",
        "ppo",
        64,
    )


def test_a_new_run_takes_the_defaults(run: Path) -> None:
    assert _compose(f"run={run}").task.name == "push"


@pytest.mark.parametrize("text", [None, "{", "task: 3", "unknown: 1"])
def test_settings_that_cannot_be_read_are_left_to_the_command(
    text: str | None, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    assert _compose(f"run={tmp_path}", "resume=true").task.name == "push"
