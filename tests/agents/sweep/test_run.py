"""Real sweeps on the one-dimensional reach: a failure among good runs, a kill, a launcher."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from kibble.agents.episode_log import read_episodes
from kibble.agents.sweep.config import SweepConfig
from kibble.agents.sweep.directory import SweepDirectory
from kibble.agents.sweep.record import Evaluation, read_record, read_records
from kibble.agents.sweep.run import sweep
from kibble.rewards.errors import CheckpointError

WORDS = [
    "task=gymnasium",
    # The package before the colon is what the training processes import to find the environment.
    "task.id=tests.agents.reach_line:tests/ResumableLine-v0",
    "task.name=line",
    "reward=oracle",
    "n_envs=1",
    "steps=200",
    "checkpoint_every=50",
    "device=cpu",
    "agent.network=[32]",
    "agent.batch_size=64",
    "agent.learning_starts=50",
    "agent.buffer_size=10000",
]
GOOD, BAD = "line-oracle-potential-sac-demonstrationsnull-seed0", "demonstrationsnowhere-seed0"


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[SweepConfig, SweepDirectory, int]:
    """A sweep of two runs, one of which lacks its demonstrations."""
    out = tmp_path_factory.mktemp("sweeps") / "sweep"
    words = [*WORDS, "demonstrations=null,nowhere"]
    config = SweepConfig(words=words, out=str(out), jobs=2, episodes=6, quiet=True)
    return config, SweepDirectory(path=out), sweep(config)


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_other_is_finished(swept) -> None:
    _, directory, status = swept
    assert status == 1
    records = {record.name: record for record in read_records(directory.records)}
    good, bad = records[GOOD], records[f"line-oracle-potential-sac-{BAD}"]
    assert good.is_finished(Evaluation(episodes=6))
    assert good.error is None
    assert bad.trained is None
    assert "'nowhere'" in str(bad.error)
    text = (directory.path / "report.md").read_text()
    assert "1 of 2 runs finished" in text
    assert f"- `{bad.name}`: {bad.error}" in text


@pytest.mark.slow
def test_the_report_holds_what_the_evaluation_found(swept) -> None:
    _, directory, _ = swept
    path = directory.runs / GOOD / "evaluation" / "evaluation.json"
    (evaluated,) = json.loads(path.read_text())["runs"]
    assert evaluated["episodes"] == 6
    (row,) = json.loads((directory.path / "report.json").read_text())["rows"]
    assert row["iqm"] == {"value": evaluated["success_rate"], "low": None, "high": None}
    assert row["steps"] == evaluated["steps"] == 200
    assert row["rollouts"] == len(list(read_episodes(directory.runs / GOOD / "episodes.jsonl")))


@pytest.mark.slow
def test_the_same_again_repeats_nothing_but_what_failed(swept, capsys) -> None:
    config, directory, _ = swept
    before = {path: path.stat().st_mtime_ns for path in (directory.runs / GOOD).rglob("*")}
    assert sweep(SweepConfig(out=config.out, quiet=True)) == 1  # the words are remembered
    assert {path: path.stat().st_mtime_ns for path in (directory.runs / GOOD).rglob("*")} == before
    said = capsys.readouterr()
    assert f"Not finished: line-oracle-potential-sac-{BAD}: " in said.err
    assert "report.md" in said.out


@pytest.mark.slow
def test_reporting_again_trains_nothing(swept) -> None:
    config, directory, _ = swept
    (directory.path / "report.md").unlink()
    assert sweep(SweepConfig(report=config.out, window=3)) == 1
    assert json.loads((directory.path / "report.json").read_text())["window"] == 3
    assert "1 of 2 runs finished" in (directory.path / "report.md").read_text()


@pytest.mark.slow
def test_a_launcher_of_hydra_takes_the_runs(tmp_path, capsys) -> None:
    words = [word for word in WORDS if not word.startswith("steps=")]
    words += ["steps=60", "seed=0,1", "hydra/launcher=basic"]
    out = tmp_path / "sweep"
    assert sweep(SweepConfig(words=words, out=str(out), episodes=4, quiet=True)) == 0
    directory = SweepDirectory(path=out)
    records = read_records(directory.records)
    assert [record.seed for record in records] == [0, 1]
    for record in records:
        assert record.is_finished(Evaluation(episodes=4))
        assert "Success rate" in (directory.logs / f"{record.name}.log").read_text()
    assert "hydra/launcher=basic" not in directory.load().grids[0]  # it is not part of the grid
    assert "Success, %: 2 runs" in capsys.readouterr().out


@pytest.mark.slow
def test_killed_it_goes_on_from_the_checkpoint(tmp_path) -> None:
    out = tmp_path / "sweep"
    words = [word for word in WORDS if not word.startswith("steps=")]
    command = [sys.executable, "-m", "kibble", "sweep", *words, "steps=100000", f"out={out}"]
    parent = subprocess.Popen(
        [*command, "episodes=4"], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    directory = SweepDirectory(path=out)
    name = "line-oracle-potential-sac-seed0"
    checkpoints = directory.runs / name / "checkpoints"
    try:
        while len(list(checkpoints.glob("step_*"))) < 2:
            assert parent.poll() is None
            time.sleep(0.05)
        with pytest.raises(CheckpointError, match="Only one sweep must work in a directory"):
            sweep(SweepConfig(out=str(out), quiet=True))
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    log = directory.runs / name / "episodes.jsonl"
    begun = (directory.runs / name / "metadata.json").read_text()
    time.sleep(1.0)
    size = log.stat().st_size
    time.sleep(1.0)
    assert log.stat().st_size == size  # nobody writes there any more
    reached = max(int(path.name.removeprefix("step_")) for path in checkpoints.glob("step_*"))
    more = [*words, f"steps={reached + 60}"]
    assert sweep(SweepConfig(words=more, out=str(out), quiet=True)) == 0
    record = read_record(directory.records / f"{name}.json")
    assert record.is_finished(Evaluation(episodes=4))  # as the sweep began with
    assert (directory.runs / name / "metadata.json").read_text() == begun
    episodes = list(read_episodes(log))
    assert [episode.index for episode in episodes] == list(range(len(episodes)))
    assert reached < episodes[-1].steps <= reached + 60


@pytest.mark.slow
def test_a_process_that_dies_is_named_with_its_signal(tmp_path) -> None:
    words = [
        word.replace("reach_line:tests/Resumable", "sweep.deadly_line:tests/Deadly")
        for word in WORDS
    ]
    with pytest.raises(CheckpointError, match=r"was killed by signal 9, .* fewer at once"):
        sweep(SweepConfig(words=words, out=str(tmp_path / "sweep"), quiet=True))


def test_a_directory_of_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    config = SweepConfig(words=WORDS, out=str(tmp_path), quiet=True)
    with pytest.raises(CheckpointError, match=r"must hold sweep\.json"):
        sweep(config)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
