"""Words in Hydra's grammar become the points of a grid."""

from __future__ import annotations

from pathlib import Path

import pytest

from kibble.agents.sweep.grid import config_dir_of, launcher_words, read_grid
from kibble.rewards.errors import ConfigError


def test_every_combination_is_a_point_and_seeds_come_slowest() -> None:
    grid = read_grid(["task=push,reach", "seed=range(2)", "agent.gamma=0.8,0.9", "steps=100"])
    points = grid.points()
    assert len(points) == 8
    assert [point["seed"] for point in points] == ["0"] * 4 + ["1"] * 4
    assert {tuple(sorted(point.items())) for point in points} == {
        (("agent.gamma", gamma), ("seed", seed), ("task", task))
        for gamma in ("0.8", "0.9")
        for seed in ("0", "1")
        for task in ("push", "reach")
    }
    assert grid.fixed == ("steps=100",)


def test_without_values_to_choose_from_there_is_one_run() -> None:
    assert read_grid(["task=push", "seed=3"]).points() == [{}]


def test_lists_and_quoted_commas_are_one_value() -> None:
    grid = read_grid(["agent.network=[32,32]", 'task.instruction="now, push"'])
    assert grid.axes == ()


def test_launcher_and_directory_of_options_are_set_apart() -> None:
    words = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "--config-dir=/own", "seed=0,1"]
    grid = read_grid(words)
    assert launcher_words(words) == ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert config_dir_of(words) == Path("/own")
    assert config_dir_of(words[:2]) is None
    assert [axis.key for axis in grid.axes] == ["seed"]
    assert grid.fixed == ()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("push", r"must be key=value or key=value,value, got 'push'"),
        ("run=runs/a", r"`run` must be left out of a sweep, got 'run=runs/a': every run has its"),
        ("resume=true", r"`resume` must be left out of a sweep"),
        ("hydra.job.name=a", r"takes hydra/launcher and hydra.launcher"),
        ("agent.gamma=interval(0,1)", r"must list its values, got 'agent.gamma=interval\(0,1\)'"),
        ("seed=1,1", r"The values of a key must differ"),
        ("seed=range(0)", r"must list at least one value"),
    ],
)
def test_mistakes_are_named(word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_grid([word])


def test_a_key_is_given_once() -> None:
    with pytest.raises(ConfigError, match=r"given once, got 'seed=2,3' again"):
        read_grid(["seed=0,1", "seed=2,3"])
