"""A run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.agents.small_runs import LINE, small_crossq, small_ppo, small_run, small_sac, small_tqc
from tests.tiny_grm import shaken_network

from kibble.agents.checkpoints import load_newest
from kibble.agents.config import RewardConfig, TaskConfig, TrainConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.run_directory import RunDirectory
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.loading import save

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)


def records(path: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (path / "episodes.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def policy(path: Path) -> dict[str, torch.Tensor]:
    state = load_newest(path / "checkpoints")
    assert state is not None
    return state["agent"]["policy"]


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(path / "metrics"))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if tag != "time/fps"
    }


def cut_short(config: TrainConfig, at: int) -> TrainConfig:
    """Train, then put everything back to how a kill soon after step ``at`` leaves it."""
    directory = run_training(config)
    for checkpoint in directory.checkpoints.iterdir():
        if int(checkpoint.name.removeprefix("step_")) > at:
            shutil.rmtree(checkpoint)
    directory.model.unlink()
    with directory.episodes.open("a") as file:
        file.write('{"index": 999, "half a li')
    return config


def resumed(config: TrainConfig, **changes: object) -> RunDirectory:
    import dataclasses

    return run_training(dataclasses.replace(config, resume=True, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"agent": small_sac()},
        {"agent": small_sac(gradient_steps=2, policy_delay=2, layer_norm=True), "n_envs": 2},
        {"agent": small_sac(annealing=0.5), "n_envs": 2},
        {"agent": small_tqc(gradient_steps=2)},
        {"agent": small_crossq(), "n_envs": 2},
        {"agent": small_ppo(n_steps=32), "n_envs": 2},
        {"task": REACH, "agent": small_sac(mirror=True)},
    ],
    ids=["sac", "sac-two-environments", "sac-annealed", "tqc", "crossq", "ppo", "tabletop"],
)
def test_resumed_run_is_the_uninterrupted_run(tmp_path, changes):
    changes = {"checkpoint_every": 150, "steps": 400, **changes}
    whole = run_training(small_run(tmp_path / "whole", **changes)).path
    short = cut_short(small_run(tmp_path / "short", **changes), at=300)
    resumed(short)
    assert records(tmp_path / "short") == records(whole)
    assert scalars(tmp_path / "short") == scalars(whole)
    for name, weights in policy(whole).items():
        assert torch.equal(weights, policy(tmp_path / "short")[name]), name


def kept(path: Path) -> dict[str, object]:
    """What buffer and frame store hold in the last checkpoint."""
    state = load_newest(path / "checkpoints")
    return {"buffer": state["agent"]["replay"]["kept"], "scoring": state["scoring"]}


@pytest.mark.parametrize(
    "scoring",
    [
        ScoringConfig(),
        ScoringConfig(kind="deferred", batch=50, exact=False, store_mb=5.0),
        ScoringConfig(kind="asynchronous", batch=20, store_mb=0.02),
    ],
    ids=["immediate", "deferred", "asynchronous"],
)
def test_resumed_run_goes_on_with_a_reward_model(tmp_path, scoring):
    weights = tmp_path / "weights"
    save(shaken_network(), weights, name="tiny")
    changes = {
        "task": REACH,
        "reward": RewardConfig(name="tiny", kind="model", weights=str(weights)),
        "agent": small_sac(learning_starts=20),
        "steps": 150,
        "checkpoint_every": 60,
        "scoring": scoring,
    }
    whole = run_training(small_run(tmp_path / "whole", **changes)).path
    short = cut_short(small_run(tmp_path / "short", **changes), at=130)
    resumed(short)
    assert records(tmp_path / "short") == records(whole)
    assert all(record["model_success"] is not None for record in records(whole))
    np.testing.assert_equal(kept(tmp_path / "short"), kept(whole))
    for name, weights in policy(whole).items():
        assert torch.equal(weights, policy(tmp_path / "short")[name]), name


def test_foreign_environment_begins_its_episode_anew_and_keeps_the_count(tmp_path):
    short = cut_short(small_run(tmp_path / "run", task=LINE), at=300)
    resumed(short)
    found = records(tmp_path / "run")
    assert [record["index"] for record in found] == list(range(len(found)))
    assert found[-1]["steps"] <= 400
    state = load_newest(tmp_path / "run" / "checkpoints")
    assert state["agent"]["counters"]["num_timesteps"] == 400


@pytest.mark.slow
def test_kill_at_a_random_moment_loses_and_doubles_nothing(tmp_path):
    whole = run_training(small_run(tmp_path / "whole", steps=1_500)).path
    path = tmp_path / "killed"
    rng = np.random.default_rng()
    program = (
        "import sys\n"
        "from tests.agents.small_runs import small_run\n"
        "from kibble.agents.train import run_training\n"
        f"run_training(small_run({str(path)!r}, steps=1_500, resume='resume' in sys.argv))\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    for kill in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *(["resume"] if kill else [])],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        reach = 300 + 500 * kill
        while _steps(path) < reach and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"
    resumed(small_run(path, steps=1_500))
    assert records(path) == records(whole)
    assert scalars(path) == scalars(whole)


def _steps(path: Path) -> int:
    """Read how far a run in another process has come."""
    last = 0
    for last_record in read_episodes(path / "episodes.jsonl"):
        last = last_record.steps
    return last


def test_budget_can_be_raised_on_resume(tmp_path):
    config = small_run(tmp_path / "run", steps=200)
    run_training(config)
    resumed(config, steps=300)
    assert (
        load_newest(tmp_path / "run" / "checkpoints")["agent"]["counters"]["num_timesteps"] == 300
    )


def test_rollouts_go_on_counting_on_resume(tmp_path):
    whole = run_training(small_run(tmp_path / "whole", steps=4_000, rollouts=24))
    config = small_run(tmp_path / "run", steps=4_000, rollouts=12)
    run_training(config)
    resumed(config, rollouts=24)
    assert records(tmp_path / "run") == records(whole.path)
    for name, weights in policy(whole.path).items():
        assert torch.equal(weights, policy(tmp_path / "run")[name]), name


def test_resume_refuses_another_setting(tmp_path):
    config = small_run(tmp_path / "run", steps=150)
    run_training(config)
    with pytest.raises(ConfigError, match=r"seed=1 \(began with 0\)"):
        resumed(config, seed=1)


def test_resume_before_the_first_checkpoint_starts_over(tmp_path):
    config = small_run(tmp_path / "run", steps=150, checkpoint_every=1_000)
    directory = run_training(config)
    before = records(directory.path)
    shutil.rmtree(directory.checkpoints)
    resumed(config)
    assert records(directory.path) == before


def test_damaged_checkpoint_falls_back_to_the_older_one(tmp_path, caplog):
    config = small_run(tmp_path / "run")
    directory = run_training(config)
    expected = records(directory.path)
    newest = sorted(directory.checkpoints.iterdir())[-1]
    content = bytearray((newest / "state.pt").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (newest / "state.pt").write_bytes(content)
    resumed(config)
    assert re.search(r"must have SHA-256 .* An older checkpoint is tried", caplog.text)
    assert records(directory.path) == expected


def test_all_checkpoints_damaged_is_an_error_that_changes_nothing(tmp_path):
    config = small_run(tmp_path / "run")
    directory = run_training(config)
    for checkpoint in directory.checkpoints.iterdir():
        (checkpoint / "manifest.json").write_text("{")
    before = directory.episodes.read_bytes()
    with pytest.raises(
        CheckpointError, match=r"One checkpoint in .* must be whole, got 2 damaged"
    ):
        resumed(config)
    assert directory.episodes.read_bytes() == before


def test_resume_without_a_run_directory_names_it(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        resumed(small_run(tmp_path / "nothing"))
