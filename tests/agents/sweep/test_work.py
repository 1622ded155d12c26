"""One run of a sweep: nothing twice, failures on record."""

from __future__ import annotations

import dataclasses

import gymnasium
import pytest
from tests.agents.reach_line import ReachLine
from tests.agents.small_runs import small_run

from kibble.agents.config import TaskConfig
from kibble.agents.sweep.record import Budget, Evaluation, RunRecord, read_record, write_record
from kibble.agents.sweep.work import train_and_evaluate

HOW = Evaluation(episodes=3)
BUDGET = Budget(steps=150, rollouts=None)


class BrokenLine(ReachLine):
    """The reach with a defect."""

    def step(self, action):
        raise ZeroDivisionError("a defect")


if "tests/BrokenLine-v0" not in gymnasium.registry:
    gymnasium.register("tests/BrokenLine-v0", BrokenLine, max_episode_steps=20)


def work(tmp_path, how: Evaluation = HOW, **changes: object) -> RunRecord:
    config = small_run(tmp_path / "run", steps=150, **changes)
    train_and_evaluate("run", config, tmp_path / "records", how)
    return read_record(tmp_path / "records" / "run.json")


@pytest.fixture
def planned(tmp_path) -> RunRecord:
    record = RunRecord(name="run", task="line", seed=0, settings={}, budget=BUDGET)
    write_record(tmp_path / "records", record)
    return record


def test_another_evaluation_does_not_train_again(tmp_path, planned) -> None:
    record = work(tmp_path)
    assert record == dataclasses.replace(planned, trained=BUDGET, evaluated=HOW)
    trained = (tmp_path / "run" / "model.zip").stat().st_mtime_ns
    evaluation = tmp_path / "run" / "evaluation" / "evaluation.json"
    evaluated = evaluation.stat().st_mtime_ns
    more = Evaluation(episodes=5, seeds=(1, 2))
    assert work(tmp_path, more).evaluated == more
    assert evaluation.stat().st_mtime_ns > evaluated
    assert (tmp_path / "run" / "model.zip").stat().st_mtime_ns == trained


def test_a_directory_that_was_only_just_made_is_made_anew(tmp_path, planned) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)  # killed before config.yaml
    assert work(tmp_path).is_finished(HOW)


def test_what_the_user_can_mend_is_on_record(tmp_path, planned) -> None:
    record = work(tmp_path, task=TaskConfig(name="line", id="tests/Nothing-v0"))
    assert record.trained is None
    assert "`task.id` must be" in str(record.error)
    again = work(tmp_path)
    assert again.error is None
    assert again.is_finished(HOW)


def test_a_defect_is_on_record_and_its_traceback_in_the_log(tmp_path, planned, capsys) -> None:
    record = work(tmp_path, task=TaskConfig(name="line", id="tests/BrokenLine-v0"))
    assert record.error == "ZeroDivisionError: a defect. The log has the traceback."
    assert "Traceback" in capsys.readouterr().err


def test_a_record_is_what_was_written(tmp_path) -> None:
    record = RunRecord(
        name="a",
        task="push",
        seed=3,
        settings={"reward": "sparse"},
        budget=Budget(steps=10, rollouts=5),
        trained=Budget(steps=10, rollouts=5),
        evaluated=Evaluation(episodes=2, seeds=(4, 5), judge="run"),
        error="it `broke`",
    )
    write_record(tmp_path, record)
    assert read_record(tmp_path / "a.json") == record


def test_a_larger_budget_is_unfinished_work() -> None:
    done = RunRecord(
        name="a", task="push", seed=0, settings={}, budget=BUDGET, trained=BUDGET, evaluated=HOW
    )
    assert done.is_finished()
    assert not done.is_finished(Evaluation(episodes=4))
    assert not dataclasses.replace(done, budget=Budget(steps=151, rollouts=None)).is_finished()
