"""Training by a reward service that is killed: nothing is lost, and every outage is written."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import gymnasium
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.agents.reach_line import ResumableLine
from tests.agents.small_runs import small_ppo, small_run, small_sac
from tests.rewards.remote.service_process import ServiceProcess, free_port

from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.outage_log import read_outages
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError, OutageError
from kibble.rewards.remote import outages


class InterruptedLine(ResumableLine):
    """The same, but at some steps of all environments together something happens."""

    happens: ClassVar[dict[int, Callable[[], None]]] = {}
    steps: ClassVar[int] = 0

    def step(self, action: np.ndarray):
        InterruptedLine.steps += 1
        self.happens.get(InterruptedLine.steps, lambda: None)()
        return super().step(action)


gymnasium.register("tests/InterruptedLine-v0", InterruptedLine, max_episode_steps=20)


@pytest.fixture
def process() -> Iterator[ServiceProcess]:
    InterruptedLine.happens, InterruptedLine.steps = {}, 0
    with ServiceProcess() as running:
        yield running
    InterruptedLine.happens = {}


def remote_run(
    path: Path, process: ServiceProcess, options: str, **changes: object
) -> TrainConfig:
    weights = f"remote@{process.url}/dot?{options}"
    settings = {
        "task": TaskConfig(name="line", id="tests/InterruptedLine-v0"),
        "reward": RewardConfig(name="remote", kind="model", weights=weights),
        "shaping": ShapingConfig(max_failure_share=0.1),
        "steps": 800,
        "n_envs": 2,
        **changes,
    }
    return small_run(path, **settings)


@pytest.mark.parametrize(
    ("agent", "scoring"),
    [(small_sac(), "immediate"), (small_ppo(n_steps=50, batch_size=50), "deferred")],
)
def test_a_service_killed_three_times_costs_no_step_and_every_outage_is_in_the_log(
    tmp_path, process, agent, scoring, caplog, monkeypatch
):
    # Each call tries the service again: what ends an outage is the restart, not the clock.
    monkeypatch.setattr(outages, "_LONGEST_PAUSE", 0.0)
    monkeypatch.setattr(outages, "_FIRST_PAUSE", 0.0)
    for kill, restart in ((150, 230), (350, 430), (550, 650)):
        InterruptedLine.happens |= {kill: process.kill, restart: process.start}
    config = remote_run(
        tmp_path / "run",
        process,
        "wait=0",
        agent=agent,
        scoring=ScoringConfig(kind=scoring, batch=20),
    )
    with caplog.at_level(logging.WARNING):
        directory = run_training(config)
    assert InterruptedLine.steps == 800
    assert list(read_episodes(directory.episodes))[-1].steps > 750
    written = list(read_outages(directory.outages))
    assert [outage["over"] for outage in written] == [True] * 3
    noticed = [outage["noticed_at_step"] for outage in written]
    for step, restart in zip(noticed, (230, 430, 650), strict=True):
        assert restart <= step <= restart + 110
    assert all(int(str(outage["unread"])) >= 40 for outage in written)
    assert caplog.text.count("is away") == caplog.text.count("is back after") == 3
    events = EventAccumulator(str(directory.metrics))
    events.Reload()
    assert events.Scalars("reward_model/outages")[-1].value == 3.0
    failed = events.Scalars("reward_model/failed_readings")[-1].value
    assert failed == sum(int(str(outage["unread"])) for outage in written)


def test_a_service_that_stays_away_stops_the_run_with_a_checkpoint_and_it_goes_on(
    tmp_path, process
):
    InterruptedLine.happens = {300: process.kill}
    config = remote_run(tmp_path / "run", process, "wait=0&max_outage=0", checkpoint_every=10_000)
    with pytest.raises(OutageError, match="start the service again") as stopped:
        run_training(config)
    assert "resume=true" in "".join(stopped.value.__notes__)
    before = InterruptedLine.steps
    assert 300 <= before < 500
    (outage,) = read_outages(tmp_path / "run" / "outages.jsonl")
    assert not outage["over"]
    process.port = free_port()  # it has moved
    process.start()
    moved = remote_run(tmp_path / "run", process, "wait=5", checkpoint_every=10_000)
    directory = run_training(dataclasses.replace(moved, resume=True))
    assert InterruptedLine.steps == 800
    other = dataclasses.replace(moved.reward, weights=f"remote@{process.url}/spot")
    with pytest.raises(ConfigError, match=r"must keep its settings, got reward\.weights="):
        run_training(dataclasses.replace(moved, reward=other, resume=True))
    indices = [record.index for record in read_episodes(directory.episodes)]
    assert indices == list(range(len(indices)))
    assert len(list(read_outages(directory.outages))) == 1


def test_a_run_that_waits_for_its_service_learns_what_it_would_have_learned(tmp_path, process):
    options = "wait=30"
    plain = run_training(remote_run(tmp_path / "plain", process, options, steps=300))
    InterruptedLine.steps = 0

    def restart() -> None:
        process.kill()
        process.start(ready=False)

    InterruptedLine.happens = {100: restart, 200: restart}
    cut = run_training(remote_run(tmp_path / "cut", process, options, steps=300))
    assert not cut.outages.exists()
    for one, other in zip(read_episodes(plain.episodes), read_episodes(cut.episodes), strict=True):
        assert dataclasses.replace(one, seconds=0.0) == dataclasses.replace(other, seconds=0.0)
