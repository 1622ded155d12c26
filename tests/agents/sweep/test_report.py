"""The report says what the runs have come to, in numbers worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.agents.sweep.written_sweep import BUDGET, new_sweep, write_run

from kibble.agents.intervals import wilson
from kibble.agents.sweep.record import RunRecord, write_record
from kibble.agents.sweep.report import write_report
from kibble.agents.sweep.results import read_results
from kibble.rewards.errors import CheckpointError

PUSH = {"grm_tiny": (0.8, 1.0, 0.9, 0.1), "sparse": (0.2, 0.4, 0.3, 0.5)}
SHAPING = {"grm_tiny": "potential", "sparse": ""}


@pytest.fixture
def directory(tmp_path):
    directory = new_sweep(tmp_path / "sweep")
    for method, scores in PUSH.items():
        for seed, score in enumerate(scores):
            late = [False] * 30 + [True] * 30
            settings = {"reward": method, "shaping": SHAPING[method], "agent": "sac"}
            write_run(directory, "push", seed, score, successes=late, **settings)
    return directory


def test_a_row_by_hand(directory) -> None:
    first, second = write_report(directory, read_results(directory), window=20)
    assert (first.task, first.method, first.runs) == ("push", "grm_tiny", 4)
    assert first.iqm.value == pytest.approx((0.8 + 0.9) / 2)  # 0.1 and 1.0 are cut off
    assert (first.mean, first.worst, first.best) == pytest.approx((0.7, 0.1, 1.0))
    pooled = wilson(80 + 100 + 90 + 10, 400)
    assert first.pooled == (pooled.low, pooled.high)
    assert (first.episodes, first.steps, first.rollouts) == (400, 1_000, 60)
    assert (second.method, second.iqm.value) == ("sparse", pytest.approx(0.35))


def test_improvement_by_hand(directory) -> None:
    write_report(directory, read_results(directory), window=20)
    (found,) = json.loads((directory.path / "report.json").read_text())["improvements"]
    assert (found["method"], found["against"]) == ("grm_tiny", "sparse")
    assert found["value"] == pytest.approx(12 / 16)  # 0.1 loses to all four


def test_everything_is_written(directory) -> None:
    write_report(directory, read_results(directory), window=20)
    text = (directory.path / "report.md").read_text()
    assert "| push | grm_tiny | 4 | 85.0 [" in text
    assert "8 of 8 runs finished" in text
    assert "Not finished" not in text
    for name in ("success", "learning_curves", "sample_efficiency", "improvement"):
        assert f"(plots/{name}.png)" in text
        assert (directory.plots / f"{name}.png").stat().st_size > 5_000
    tree = json.loads((directory.path / "report.json").read_text())
    assert len(tree["runs"]) == 8
    assert {(curve["against"], curve["method"]) for curve in tree["curves"]} == {
        (label, method)
        for label in ("environment steps", "rollouts (training episodes)")
        for method in PUSH
    }


def test_curves_are_means_of_full_windows(directory) -> None:
    write_report(directory, read_results(directory), window=20)
    curves = json.loads((directory.path / "report.json").read_text())["curves"]
    curve = next(one for one in curves if one["against"].startswith("rollouts"))
    x, value = np.array(curve["x"]), np.array(curve["value"])
    assert (x[0], x[-1]) == (20, 60)  # from the first full window to the end
    assert value[0] == 0.0
    assert value[-1] == 1.0
    middle = np.searchsorted(x, 40.0)  # ten of the last twenty episodes
    assert value[middle] == pytest.approx(0.5, abs=0.05)
    assert curve["low"] == curve["value"] == curve["high"]  # all runs are alike


def test_all_tasks_together_are_those_that_every_method_has(directory) -> None:
    for seed in range(2):
        write_run(
            directory, "reach", seed, 1.0, reward="grm_tiny", shaping="potential", agent="sac"
        )
        write_run(
            directory, "stack", seed, 0.0, reward="grm_tiny", shaping="potential", agent="sac"
        )
        write_run(directory, "stack", seed, 0.0, reward="sparse", shaping="", agent="sac")
    rows = write_report(directory, read_results(directory), window=20)
    together = {row.method: row for row in rows if row.task == "all tasks"}
    assert {name: row.runs for name, row in together.items()} == {"grm_tiny": 6, "sparse": 6}
    # 0 0 .1 .8 .9 1: one is cut off at either end; reach, which sparse has not, is left out.
    assert together["grm_tiny"].iqm.value == pytest.approx((0.0 + 0.1 + 0.8 + 0.9) / 4)
    assert together["grm_tiny"].pooled is None


def test_settings_that_differ_name_the_methods(tmp_path) -> None:
    directory = new_sweep(tmp_path / "sweep")
    for gamma in ("0.8", "0.9"):
        for shaping in ("potential", "difference"):
            settings = {"reward": "oracle", "shaping": shaping, "agent": "sac"}
            write_run(directory, "push", 0, 0.5, **settings, **{"agent.gamma": gamma})
    assert set(read_results(directory).methods) == {
        f"oracle, {shaping}, gamma {gamma}"
        for shaping in ("potential", "difference")
        for gamma in ("0.8", "0.9")
    }


def test_what_is_not_finished_is_named_with_its_reason(directory) -> None:
    common = {"task": "push", "settings": {"reward": "sparse"}, "budget": BUDGET}
    failed = RunRecord(name="push-bad", seed=8, error="`x` must be y, got z; mend it.", **common)
    write_record(directory.records, failed)
    write_record(directory.records, RunRecord(name="push-stopped", seed=9, **common))
    results = read_results(directory)
    write_report(directory, results, window=20)
    text = (directory.path / "report.md").read_text()
    assert "8 of 10 runs finished" in text
    assert "- `push-bad`: `x` must be y, got z; mend it." in text
    assert "- `push-stopped`: not finished" in text


def test_environments_that_know_no_success(tmp_path) -> None:
    directory = new_sweep(tmp_path / "sweep")
    write_run(directory, "swing", 0, None, successes=(), reward="sparse", shaping="")
    assert write_report(directory, read_results(directory), window=20) == []
    text = (directory.path / "report.md").read_text()
    assert "do not say whether an episode succeeded" in text
    assert "1 of 1 runs finished" in text


def test_with_no_finished_run_there_is_no_report(tmp_path) -> None:
    directory = new_sweep(tmp_path / "sweep")
    record = RunRecord(
        name="a", task="push", seed=0, settings={}, budget=BUDGET, error="it broke."
    )
    write_record(directory.records, record)
    with pytest.raises(CheckpointError, match=r"at least one finished run, .* a: it broke\."):
        write_report(directory, read_results(directory), window=20)


def test_damaged_files_are_named(directory) -> None:
    run = directory.runs / "push-sparse-sac-seed0" / "evaluation" / "evaluation.json"
    run.write_text("{")
    with pytest.raises(CheckpointError, match=r"evaluation\.json' must hold the evaluation"):
        read_results(directory)
    (directory.records / "push-sparse-sac-seed0.json").write_text("[]")
    with pytest.raises(CheckpointError, match=r"seed0\.json' must hold the record of a run"):
        read_results(directory)
    directory.asked.write_text("{}")
    with pytest.raises(CheckpointError, match=r"sweep\.json' must hold the words of a sweep"):
        read_results(directory)
