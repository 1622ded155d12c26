"""A monitored run: scalars, journal, picture, and a stop that loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.agents.small_runs import small_ppo, small_run

from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig
from kibble.agents.monitoring.config import MonitorConfig
from kibble.agents.monitoring.journal import read_journal
from kibble.agents.run_directory import RunDirectory
from kibble.agents.train import run_training
from kibble.envs.traps import TRAPS, trap_model
from kibble.rewards.errors import ConfigError, RewardHackingError

JUMPY = {"falls": 1, "episodes": 5, "repeated": 1}
STEPS = 384


def config(path: Path, **changes: object) -> TrainConfig:
    return small_run(
        path,
        **{
            "task": TaskConfig(name="lamps", id=TRAPS["lamps"].id),
            "reward": RewardConfig(name="flawed", kind="model", weights="lamps"),
            "shaping": ShapingConfig(mode="absolute", shift=0.0),
            "agent": small_ppo(n_steps=32, n_epochs=1),
            "steps": STEPS,
            "n_envs": 2,
            "checkpoint_every": 10_000,
            **changes,
        },
    )


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.setattr("kibble.agents.train.load_reward_model", lambda *_: trap_model("lamps"))

    def run(**changes: object) -> RunDirectory:
        return run_training(config(tmp_path / "run", **changes))

    return run


def test_an_alarm_stops_the_run_between_rollouts_and_it_can_go_on(train, tmp_path):
    monitor = MonitorConfig(action="stop", **JUMPY)  # type: ignore[arg-type]
    with pytest.raises(RewardHackingError, match=r"1 of the last \d+ episodes show it: progress"):
        train(monitor=monitor)
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    stopped = int(checkpoint.name.removeprefix("step_"))
    assert stopped % 64 == 0
    assert stopped < STEPS
    assert (tmp_path / "run" / "plots" / "monitor.png").stat().st_size > 10_000
    warn = MonitorConfig(action="warn", **JUMPY)  # type: ignore[arg-type]
    directory = train(resume=True, monitor=warn)
    rows = read_journal(directory.monitor)
    assert [row["number"] for row in rows.episodes] == list(range(len(rows.episodes)))
    lines = directory.episodes.read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(len(lines)))
    assert len(lines) == len(rows.episodes)


def test_every_detector_is_logged(train):
    directory = train()
    events = EventAccumulator(str(directory.metrics))
    events.Reload()
    logged = {tag for tag in events.Tags()["scalars"] if tag.startswith("monitor/")}
    assert logged >= {
        *("monitor/falls", "monitor/still", "monitor/unearned", "monitor/findings"),
        *("monitor/false_success_rate", "monitor/alarms"),
    }
    rows = read_journal(directory.monitor)
    unearned = [row["unearned"] for row in rows.episodes]
    points = events.Scalars("monitor/unearned")
    assert np.mean(unearned) == pytest.approx(np.mean([p.value for p in points]), abs=1.0)


def test_a_run_that_is_not_watched_leaves_no_trace(train):
    directory = train(monitor=MonitorConfig(action="off"))
    assert not directory.monitor.exists()
    assert not directory.monitor_picture.exists()
    resumed = train(resume=True, steps=STEPS + 64, monitor=MonitorConfig(action="warn"))
    assert read_journal(resumed.monitor).episodes  # it may be switched on later


def test_a_sparse_run_has_nothing_to_watch(train, monkeypatch):
    monkeypatch.setattr("kibble.agents.train.load_reward_model", lambda *_: None)
    directory = train(reward=RewardConfig(), shaping=ShapingConfig(mode="none"))
    assert not directory.monitor.exists()


def test_thresholds_are_kept_when_going_on(train):
    train()
    with pytest.raises(ConfigError, match=r"monitor.falls=7 \(began with 3\)"):
        train(resume=True, monitor=MonitorConfig(falls=7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action": "hodl"}, "did you mean 'hold'"),
        ({"weight": 2.0}, r"`monitor.weight` must lie in \[0, 1\], got 2.0"),
        ({"spread": 0.0}, "`monitor.spread` must be more than 0, got 0.0"),
        ({"falls": 0}, "`monitor.falls` must be at least 1, got 0"),
        ({"still": 41}, "`monitor.still` must be at most 40 readings, got 41"),
        ({"episodes": 4}, "`monitor.repeated` must be at most `monitor.episodes`, 4, got 10"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MonitorConfig(**options)
