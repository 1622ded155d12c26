"""The demonstration trains both rewards at one budget and says where everything is."""

from __future__ import annotations

import dataclasses
import json

import pytest
from tests.agents.small_runs import ORACLE, small_sac

from kibble.agents.config import DemoConfig, ShapingConfig, TaskConfig
from kibble.agents.demo import demo, demo_runs
from kibble.rewards.errors import CheckpointError

CONFIG = DemoConfig(
    # The package before the colon is what the training processes import to find the environment.
    task=TaskConfig(name="line", id="tests.agents.reach_line:tests/ReachLine-v0"),
    reward=ORACLE,
    shaping=ShapingConfig(shift=-1.0),
    agent=small_sac(),
    steps=300,
    episodes=5,
)


def test_both_rewards_get_the_same_budget_and_seed(tmp_path):
    shaped, sparse = demo_runs(CONFIG, tmp_path).values()
    assert (shaped.reward.kind, sparse.reward.kind) == ("oracle", "sparse")
    assert (shaped.steps, shaped.seed, shaped.agent) == (sparse.steps, sparse.seed, sparse.agent)


def test_demonstration_ends_with_table_curves_and_films(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    demo(CONFIG)
    out = tmp_path / "runs" / "demo"
    report = json.loads((out / "evaluation.json").read_text())
    assert [(row["reward"], row["steps"]) for row in report["runs"]] == [
        ("oracle", 300),
        ("sparse", 300),
    ]
    printed = capsys.readouterr().out
    assert "Success rate, 95 % Wilson interval" in printed
    assert "Learning curves: runs/demo/plots/learning_curves.png" in printed
    films = [line.split(": ")[1] for line in printed.splitlines() if line.startswith("Film")]
    assert films
    assert all((tmp_path / film).stat().st_size > 1_000 for film in films)


def test_existing_directory_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="must name a new directory"):
        demo(DemoConfig(out=str(tmp_path)))


def test_a_run_that_fails_is_named_with_its_reason(tmp_path):
    task = TaskConfig(name="line", id="tests.agents.reach_line:tests/Nothing-v0")
    config = dataclasses.replace(CONFIG, task=task, out=str(tmp_path / "demo"), jobs=2)
    with pytest.raises(
        CheckpointError, match=r"'(oracle|sparse)-seed0', which ended with status 1: .*task"
    ):
        demo(config)
