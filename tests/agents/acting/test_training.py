"""Whole runs that learn beside an environment in real time."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading

import numpy as np
import pytest
import tests.agents.acting.ticking_line  # noqa: F401  (registers the environment)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.agents.acting.ticking_line import TickingLine
from tests.agents.small_runs import LINE, small_ppo, small_run, small_sac

from kibble.agents.acting.config import ActingConfig
from kibble.agents.checkpoints import load_newest
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.curriculum_config import CurriculumConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.recorder import record
from kibble.agents.episode_log import read_episodes
from kibble.agents.run_directory import open_run
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError

REACH = TaskConfig(name="reach", id="kibble/Reach-v0", views=["front"], image_size=[32, 32])
TICKING = TaskConfig(name="line", id="tests/TickingLine-v0", real_time=True)


def real_time(path, **changes):
    """A run in real time, its frames scored beside it."""
    base = {
        "task": TICKING,
        "shaping": ShapingConfig(shift=-1.0),
        "scoring": ScoringConfig(),
        "acting": ActingConfig(process=False),
        "n_envs": 4,
    }
    return small_run(path, **{**base, **changes})


def metrics(directory, name):
    events = EventAccumulator(str(directory.metrics))
    events.Reload()
    return [event.value for event in events.Scalars(name)]


def test_a_robot_is_one_and_is_scored_beside():
    config = real_time("run")
    assert config.asynchronous
    assert config.n_envs == 1
    assert (config.scoring.kind, config.scoring.exact) == ("asynchronous", False)
    again = dataclasses.replace(config)
    assert again == config
    assert small_run("run", scoring=ScoringConfig()).scoring.kind == "immediate"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"agent": small_ppo()}, r"task\.real_time=true` needs an agent.*got agent=ppo"),
        ({"agent": small_sac(chunk=2)}, r"agent\.chunk=2"),
        ({"curriculum": CurriculumConfig(kind="goals")}, r"curriculum\.kind=goals"),
        (
            {
                "observation": "embedding",
                "reward": RewardConfig(name="grm_tiny", kind="model", weights="grm_tiny"),
            },
            "which observation=embedding needs",
        ),
        ({"acting": ActingConfig(exploration="guided")}, r"acting\.exploration=guided` needs dem"),
        (
            {"task": LINE, "acting": ActingConfig(asynchronous=True), "agent": small_ppo()},
            r"acting\.asynchronous=true` needs",
        ),
    ],
    ids=["ppo", "chunk", "curriculum", "embedding", "no-demonstrations", "asked-for"],
)
def test_what_needs_an_environment_that_waits_is_refused(changes, text):
    with pytest.raises(ConfigError, match=text):
        real_time("run", **changes)


def test_a_run_takes_its_steps_logs_them_and_goes_on(tmp_path):
    TickingLine.closed = TickingLine.resets = 0
    config = real_time(tmp_path / "run", steps=300)
    directory = run_training(config)
    records = list(read_episodes(directory.episodes))
    assert sum(record.length for record in records) <= 300
    assert records[-1].steps > 270
    assert records[-1].return_shaped != records[-1].return_task
    assert TickingLine.closed == 1
    assert 0.0 < metrics(directory, "acting/updates")[-1] <= 1.0
    assert metrics(directory, "acting/interventions")[-1] == 0.0
    resumed = run_training(dataclasses.replace(config, steps=500, resume=True))
    more = list(read_episodes(resumed.episodes))
    assert more[: len(records)] == records
    assert 470 < more[-1].steps <= 500
    assert load_newest(resumed.checkpoints)["agent"]["counters"]["num_timesteps"] == 500
    assert TickingLine.closed == 2


def test_a_budget_of_episodes_is_kept_to_the_episode(tmp_path):
    directory = run_training(real_time(tmp_path / "run", steps=10_000, rollouts=7))
    assert len(list(read_episodes(directory.episodes))) == 7


def test_interventions_are_kept_labelled_and_counted(tmp_path):
    task = dataclasses.replace(TICKING, options={"human": True})
    directory = run_training(real_time(tmp_path / "run", task=task, steps=200))
    replay = load_newest(directory.checkpoints)["agent"]["replay"]
    labelled = np.flatnonzero(np.asarray(replay["interventions"])[:, 0])
    assert labelled.tolist() == list(range(9, 200, 10))
    np.testing.assert_array_equal(np.asarray(replay["actions"])[labelled, 0, 0], 0.5)
    assert max(metrics(directory, "acting/interventions")) > 0.0


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    out = tmp_path_factory.mktemp("demonstrations") / "reach"
    record(DemosConfig(task=REACH, episodes=1, seed=3, out=str(out)))
    return out


@pytest.mark.parametrize("exploration", ["return", "guided"])
def test_exploration_by_demonstrations_is_done_and_counted(shown, tmp_path, exploration):
    config = real_time(
        tmp_path / "run",
        task=dataclasses.replace(REACH, real_time=True),
        reward=RewardConfig(),
        demonstrations=str(shown),
        acting=ActingConfig(
            exploration=exploration, share=1.0, steps=120, backlog=20, process=False
        ),
        steps=120,
    )
    directory = run_training(config)
    shares = metrics(directory, "acting/demonstrated")
    assert shares[0] > 0.0
    if exploration == "guided":
        assert shares[0] > shares[-1]


def test_ctrl_c_brings_the_robot_to_rest_and_loses_nothing(tmp_path):
    TickingLine.closed = TickingLine.resets = 0

    def press() -> None:
        while TickingLine.resets < 12:
            threading.Event().wait(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    config = real_time(tmp_path / "run", steps=100_000, checkpoint_every=100_000)
    with pytest.raises(KeyboardInterrupt):
        run_training(config)
    presser.join()
    assert TickingLine.closed == 1
    taken = load_newest(open_run(tmp_path / "run").checkpoints)["agent"]["counters"]
    assert taken["num_timesteps"] > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    more = taken["num_timesteps"] + 50
    run_training(dataclasses.replace(config, steps=more, resume=True))


def test_a_robot_that_fails_ends_the_run_with_all_that_was_learned(tmp_path):
    task = dataclasses.replace(TICKING, options={"fails_at": 150})
    config = real_time(tmp_path / "run", task=task, steps=1_000, checkpoint_every=100_000)
    with pytest.raises(RuntimeError, match="the arm is off") as failure:
        run_training(config)
    assert "resume=true" in "".join(failure.value.__notes__)
    taken = load_newest(open_run(tmp_path / "run").checkpoints)["agent"]["counters"]
    assert taken["num_timesteps"] == 149


@pytest.mark.slow
def test_it_learns(tmp_path):
    config = real_time(tmp_path / "run", steps=3_000, checkpoint_every=100_000)
    records = list(read_episodes(run_training(config).episodes))
    assert np.mean([record.success for record in records[-40:]]) >= 0.9
