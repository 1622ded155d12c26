"""One environment that acts by itself, seen as a vector environment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from tests.agents.acting.ticking_line import TickingLine

from kibble.agents.acting.acting_thread import Acting
from kibble.agents.acting.acting_vec_env import ActingVecEnv, find_acting
from kibble.agents.acting.step_stream import Halted
from kibble.agents.episode_monitor import EpisodeMonitor
from kibble.agents.sparse_reward import SparseVecEnv
from kibble.rewards.errors import ConfigError
from kibble.rewards.rule import ShapingRule
from kibble.rewards.shaping import ShapingMode

STAY = np.zeros((1, 1), np.float32)


class Counting:
    """Chooses 0.00, 0.01, 0.02 … so that every step can be told from every other."""

    def __init__(self) -> None:
        self.chosen = 0
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1

    def choose(self, observation: np.ndarray) -> tuple[np.ndarray, dict[str, object]]:
        self.chosen += 1
        return np.array([(self.chosen - 1) / 100], np.float32), {"chosen": self.chosen}


def far_line(limit: int = 7) -> gymnasium.Env:
    """Never reaches its goal within the limit."""

    class FarLine(TickingLine):
        def _observe(self) -> np.ndarray:
            self._goal = 5.0
            return super()._observe()

    return TimeLimit(FarLine(), limit)


@contextmanager
def acting(
    make: Callable[[], gymnasium.Env] = far_line, *, backlog: int = 100, **budget: int | None
) -> Iterator[tuple[ActingVecEnv, Counting]]:
    chooser = Counting()
    with closing(ActingVecEnv(make, backlog=backlog, process=False)) as venv:
        venv.seed(3)
        venv.reset()
        venv.begin(Acting(chooser=chooser, **{"steps": 10_000, **budget}))
        yield venv, chooser


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30.0
    while not true():
        assert time.monotonic() < until, "waited in vain"
        threading.Event().wait(0.001)


def test_the_stream_is_what_was_done_in_its_order():
    with acting() as (venv, chooser):
        for number in range(20):
            observation, reward, ended, (info,) = venv.step(STAY)
            assert info["action"] == pytest.approx([number / 100])
            assert info["chosen"] == number + 1
            assert ended.tolist() == [(number + 1) % 7 == 0]
            assert info["TimeLimit.truncated"] == ended[0]
            assert observation.shape == (1, 2)
            assert reward.tolist() == [0.0]
            assert ("terminal_observation" in info) == ended[0]
        assert chooser.begun >= 3


def test_an_episode_that_ends_is_followed_by_the_start_of_the_next():
    with acting() as (venv, _):
        for _ in range(6):
            before, *_ = venv.step(STAY)
        after, _, ended, (info,) = venv.step(STAY)
        assert ended[0]
        assert abs(info["terminal_observation"][0] - before[0, 0]) < 0.05
        assert venv.reset_infos[0]["instruction"]
        moved, *_ = venv.step(STAY)
        assert abs(moved[0, 0] - after[0, 0]) < 0.05


def test_one_other_thread_does_all_there_is_to_do():
    made: list[int] = []

    def make() -> gymnasium.Env:
        made.append(threading.get_ident())
        return far_line()

    TickingLine.threads.clear()
    with acting(make) as (venv, _):
        venv.step(STAY)
    assert set(made) == TickingLine.threads
    assert threading.get_ident() not in made


def test_acting_waits_for_nobody_within_an_episode():
    with acting(lambda: far_line(60), backlog=1) as (venv, _):
        wait_for(lambda: venv.waiting >= 50)  # though nobody takes a step


def test_the_next_episode_waits_for_a_learner_that_is_far_behind():
    with acting(backlog=10) as (venv, chooser):
        wait_for(lambda: venv.waiting >= 13)
        for _ in range(60):
            assert venv.waiting <= 10 + 7
            venv.step(STAY)
        assert chooser.chosen <= 60 + 1 + 10 + 7


@pytest.mark.parametrize(
    ("budget", "taken", "ended"),
    [({"steps": 10}, 10, 1), ({"episodes": 2}, 14, 2), ({"episodes": 0}, 0, 0)],
    ids=["steps", "episodes", "nothing"],
)
def test_a_budget_is_kept_to_the_step_and_the_last_episode_needs_no_reset(budget, taken, ended):
    TickingLine.resets = 0
    with acting(**budget) as (venv, chooser):
        for _ in range(taken):
            venv.step(STAY)
        assert venv.waiting == 0
    assert chooser.chosen == taken
    assert TickingLine.resets == max(ended, 1) + (1 if budget.get("steps") else 0)


def test_what_goes_wrong_is_raised_after_the_steps_before_it_and_the_environment_is_closed():
    class Breaking(TickingLine):
        def step(self, action: np.ndarray):
            if action[0] >= 0.05:
                raise RuntimeError("the arm is off")
            return super().step(action)

    closed = TickingLine.closed
    with acting(Breaking) as (venv, _):
        wait_for(lambda: TickingLine.closed == closed + 1)
        for _ in range(5):
            venv.step(STAY)
        with pytest.raises(RuntimeError, match="the arm is off"):
            venv.step(STAY)
    assert TickingLine.closed == closed + 1


def test_halting_brings_the_environment_to_rest_and_says_so_at_the_next_step():
    closed = TickingLine.closed
    with acting() as (venv, _):
        venv.step(STAY)
        venv.halt()
        wait_for(lambda: TickingLine.closed == closed + 1)
        with pytest.raises(Halted):
            venv.step(STAY)


def test_a_reset_that_waits_for_somebody_is_ended():
    class Waiting(TickingLine):
        def __init__(self) -> None:
            super().__init__()
            self.halted = threading.Event()

        def halt(self) -> None:
            self.halted.set()

        def reset(self, **told: object):
            if TickingLine.resets:
                assert self.halted.wait(30.0)
                raise RuntimeError("nobody came")
            return super().reset(**told)

    TickingLine.resets = 0
    with acting(lambda: TimeLimit(Waiting(), 3)) as (venv, chooser):
        wait_for(lambda: chooser.chosen == 3)  # and the next reset waits
    assert not venv._member._thread.is_alive()


def test_a_first_episode_that_nobody_acted_in_is_not_opened_again():
    TickingLine.resets = 0
    with closing(ActingVecEnv(far_line, backlog=1, process=False)) as venv:
        first = venv.reset()
        np.testing.assert_array_equal(venv.reset(), first)
        assert TickingLine.resets == 1


def test_an_environment_that_cannot_be_made_or_reset_says_so_here():
    class Unready(TickingLine):
        def reset(self, **_: object):
            raise RuntimeError("nobody said ready")

    def refuse() -> gymnasium.Env:
        raise ConfigError("no such robot")

    with pytest.raises(ConfigError, match="no such robot"):
        ActingVecEnv(refuse, backlog=1, process=False)
    with (
        closing(ActingVecEnv(Unready, backlog=1, process=False)) as venv,
        pytest.raises(RuntimeError, match="re"),
    ):
        venv.reset()


def test_observations_of_several_parts_are_refused():
    class Parts(TickingLine):
        def __init__(self) -> None:
            super().__init__()
            self.observation_space = gymnasium.spaces.Dict({"a": self.observation_space})

    with pytest.raises(ConfigError, match=r"acting\.asynchronous.*one array"):
        ActingVecEnv(Parts, backlog=1, process=False)


def test_it_is_found_below_the_layers_of_a_run():
    with closing(ActingVecEnv(far_line, backlog=1, process=False)) as venv:
        rule = ShapingRule(gamma=0.9, mode=ShapingMode.NONE)
        assert find_acting(EpisodeMonitor(SparseVecEnv(venv, rule=rule))) is venv
