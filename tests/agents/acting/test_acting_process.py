"""The process that acts: what it says of itself, and how it ends."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from tests.agents.acting.ticking_line import TickingLine
from tests.ros_domain import wait_until

from kibble.agents.acting.acting_process import ActingProcess
from kibble.agents.acting.acting_thread import Acting
from kibble.agents.acting.acting_vec_env import ActingVecEnv
from kibble.agents.acting.choosers import PolicyChooser
from kibble.agents.acting.step_stream import Halted, StepStream
from kibble.rewards.errors import ConfigError, RobotError

STAY = np.zeros((1, 1), np.float32)


class Noted(TickingLine):
    """Says in files that it steps, in which process, and that it was closed."""

    notes = Path()

    def reset(self, **told: object):
        if not (self.notes / "process").exists():
            (self.notes / "process").write_text(str(os.getpid()))
        return super().reset(**told)

    def step(self, action: np.ndarray):
        if action[0] > 0.9:
            raise RobotError("the arm is off")
        return super().step(action)

    def close(self) -> None:
        (self.notes / "closed").touch()


def made(notes: Path, limit: int = 7):
    env = Noted()
    env.notes = notes
    return TimeLimit(env, limit)


def move(value: float = 0.01) -> PolicyChooser:
    action = np.array([value], np.float32)
    return PolicyChooser(lambda observation: action, None, random_steps=0)


def take_all(venv: ActingVecEnv) -> None:
    """Take steps until that fails."""
    while True:
        venv.step(STAY)


def vec_env(notes: Path, value: float = 0.01, *, backlog: int = 100) -> ActingVecEnv:
    venv = ActingVecEnv(lambda: made(notes), backlog=backlog)
    venv.seed(3)
    venv.reset()
    venv.begin(Acting(chooser=move(value), steps=10_000))
    return venv


def test_it_acts_in_another_process_until_it_is_halted(tmp_path):
    with closing(vec_env(tmp_path)) as venv:
        for number in range(1, 16):
            observation, _, ended, (info,) = venv.step(STAY)
            assert info["action"] == pytest.approx([0.01])
            assert observation.shape == (1, 2)
            assert ended.tolist() == [number % 7 == 0]
        assert int((tmp_path / "process").read_text()) != os.getpid()
        assert not (tmp_path / "closed").exists()
        venv.halt()
        wait_until((tmp_path / "closed").exists)
        with pytest.raises(Halted):
            venv.step(STAY)
        assert venv.env_method("take_state")[0]["generator"]  # as a checkpoint needs it
        assert venv.get_attr("capture_steps") == [0]


def test_the_next_episode_waits_for_a_learner_and_a_death_is_said(tmp_path):
    with closing(vec_env(tmp_path, backlog=10)) as venv:
        wait_until(lambda: venv.waiting >= 13)
        for _ in range(40):
            assert venv.waiting <= 10 + 7
            venv.step(STAY)
        os.kill(int((tmp_path / "process").read_text()), signal.SIGKILL)
        with pytest.raises(RuntimeError, match=r"process that acts must go on.*at rest"):
            take_all(venv)


def test_what_goes_wrong_there_is_raised_here_and_says_where(tmp_path):
    with closing(vec_env(tmp_path, value=0.95)) as venv:
        with pytest.raises(RobotError, match="the arm is off") as failure:
            venv.step(STAY)
        assert venv.ended_by(failure.value)
        assert "In the process that acts" in failure.value.__notes__[0]
        wait_until((tmp_path / "closed").exists)


def test_an_environment_that_cannot_be_made_says_so_here():
    def refuse():
        raise ConfigError("no such robot")

    with pytest.raises(ConfigError, match="no such robot"):
        ActingVecEnv(refuse, backlog=1)


def test_the_environment_is_closed_when_the_learner_is_gone(tmp_path):
    process = ActingProcess(lambda: made(tmp_path), StepStream(), backlog=1)
    process.reset(3).result()
    process.begin(Acting(chooser=move(), steps=10_000))
    process._orders.close()  # as when the process that learns is killed
    wait_until((tmp_path / "closed").exists)
    process._process.join(20.0)
    assert process._process.exitcode == 0
