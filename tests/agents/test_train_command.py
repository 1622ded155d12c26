"""``kibble train`` and ``kibble evaluate`` as typed."""

from __future__ import annotations

import json

import pytest

from kibble.agents.cli import run
from kibble.agents.episode_log import read_episodes

SMALL = [
    "task=reach",
    "n_envs=1",
    "reward=sparse",
    "device=cpu",
    "agent.network=[16]",
    "quiet=true",
]


def test_train_resume_evaluate(tmp_path, capsys):
    path = tmp_path / "run"
    assert run(["train", *SMALL, f"run={path}", "steps=100", "seed=3"]) == 0
    assert run(["train", f"run={path}", "resume=true", "steps=150"]) == 0
    records = list(read_episodes(path / "episodes.jsonl"))
    assert sum(record.length for record in records) == 150
    words = ["evaluate", f"run=[{path}]", "episodes=2", "seeds=[0,1]", "videos=0", "device=cpu"]
    assert run(words) == 0
    assert "Success rate, 95 % Wilson interval" in capsys.readouterr().out
    (row,) = json.loads((path / "evaluation.json").read_text())["runs"]
    assert (row["task"], row["seed"], row["episodes"], row["steps"]) == ("reach", 3, 4, 150)


def test_run_with_added_keys_goes_on_with_them(tmp_path, capsys):
    path = tmp_path / "run"
    words = [*SMALL, "+task.options.dwell=0.2", f"run={path}"]
    assert run(["train", *words, "steps=100"]) == 0
    again = ["train", f"run={path}", "resume=true"]
    assert run([*again, "steps=150", "+task.options.dwell=0.3"]) == 2
    assert "task.options.dwell=0.3 (began with 0.2)" in capsys.readouterr().err
    assert run([*again, "steps=150"]) == 0
    records = list(read_episodes(path / "episodes.jsonl"))
    assert sum(record.length for record in records) == 150


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run={path}"], "must name a new directory"),
        (["run={path}", "resume=true"], "without config.yaml"),
        (["run={path}/new", "shaping.gamma=0.5"], "must equal the agent's gamma 0.9, got 0.5"),
        (["run={path}/new", "task=rech"], "reach"),
        (["run={path}/new", "agent.gama=0.5"], "agent.gamma"),
        (["run={path}/new", "reward=path", "reward.weights={path}/none"], "none"),
    ],
)
def test_mistakes_end_with_one_paragraph_and_status_two(tmp_path, capsys, words, message):
    (tmp_path / "kept").write_text("kept")
    assert run(["train", *SMALL, *(word.format(path=tmp_path) for word in words)]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) == 1
    assert [item.name for item in tmp_path.iterdir()] == ["kept"]
