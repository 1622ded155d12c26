"""The service is killed, stalled, replaced: what a model behind it says, and what is kept."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.rewards.remote.service_process import free_port
from tests.rewards.remote.test_model import dot, opened

from kibble.rewards import Episode, Potential, Status, Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.combination import CombinedModel
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ModelError, OutageError, ServiceAwayError
from kibble.rewards.remote.model import RemoteModel

TASK = Task(instruction="move the dot to the right")


def answered(model: RemoteModel, episodes: list[Episode], column: int) -> np.ndarray:
    """Ask until the service answers again."""
    deadline = time.monotonic() + 20.0
    while True:
        try:
            return model.estimate(episodes, dot(*[column] * len(episodes))).progress
        except ServiceAwayError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_potentials_are_held_while_it_is_away_and_episodes_go_on_afterwards(process):
    model = opened(process.url, wait=0)
    potential = Potential(model, slots=2, max_failure_share=0.1, window=10)
    potential.begin({0: (TASK, dot(3)), 1: (TASK, dot(5))})
    potential.update({0: dot(10), 1: dot(20)})
    held = potential.phi.copy()
    process.kill()
    for _ in range(40):
        potential.update({0: dot(30), 1: dot(30)})
    potential.begin({1: (TASK, dot(7))})  # an episode ends meanwhile, and the next begins
    potential.update({0: dot(30), 1: dot(30)})
    np.testing.assert_array_equal(potential.phi, held)
    assert potential.failures[Status.MODEL_ERROR] == 83
    process.start()
    deadline = time.monotonic() + 20.0
    while not potential.fresh.all():
        assert time.monotonic() < deadline
        time.sleep(0.05)
        potential.update({0: dot(25), 1: dot(25)})
    np.testing.assert_allclose(potential.phi, 25 / 31, rtol=1e-6)
    (outage,) = model.outages
    assert outage.over
    assert outage.unread >= 83
    assert "ConnectError" in outage.reason


def test_a_call_may_wait_for_the_service_instead(process):
    model = opened(process.url, wait=20)
    episodes = [model.begin(TASK, dot(column)) for column in range(5)]
    for _ in range(2):
        process.kill()
        process.start(ready=False)
        progress = model.estimate(episodes, dot(*[31] * 5)).progress
        np.testing.assert_allclose(progress, 1.0)
    assert model.outages == ()


def test_a_service_that_stalls_is_away(process):
    model, hurried = opened(process.url, wait=0), opened(process.url, wait=0, timeout=0.3)
    episode = model.begin(TASK, dot(0))
    process.pause()
    with pytest.raises(ServiceAwayError, match="nor about its health"):
        hurried.estimate([episode], dot(9))
    process.go_on()
    np.testing.assert_allclose(answered(model, [episode], 9), 9 / 31, rtol=1e-6)


def test_an_outage_may_not_last_for_ever(process):
    model = opened(process.url, wait=0, max_outage=0.5)
    episode = model.begin(TASK, dot(0))
    process.kill()
    begin = time.monotonic()
    with pytest.raises(OutageError, match=r"`max_outage` allows 0.5 s; start the service again"):
        answered(model, [episode], 9)
    assert time.monotonic() - begin > 0.5
    assert not model.outages[-1].over


def test_nobody_there_and_somebody_else_there_are_told_apart(process, serve_text):
    with pytest.raises(ServiceAwayError, match=r"must answer at http.*start one with `kibble se"):
        open_model(f"remote@http://127.0.0.1:{free_port()}/dot?wait=0")
    with pytest.raises(ModelError, match="is something else listening there"):
        open_model(f"remote@{serve_text('a page')}/dot?wait=0")


def test_a_run_goes_on_with_an_episode_that_the_service_has_gone_further_with(process):
    process.kill()
    process.model = "SmoothedModel"
    process.start()
    model = opened(process.url)
    episode = model.begin(TASK, dot(0))
    model.estimate([episode], dot(31))
    kept = episode_state(episode)
    for _ in range(3):
        model.estimate([episode], dot(31))
    model.close()
    again, later = opened(process.url), restored_episode(kept)
    progress = again.estimate([later], dot(0)).progress[0]  # another second frame than before
    assert progress == 0.0  # opened anew: of the start, then this frame
    assert later.memory["name"] != kept["memory"]["name"]


def test_weights_that_changed_with_a_restart_are_a_new_version(process):
    model = opened(process.url, wait=20)
    potential = Potential(model, slots=1)
    potential.begin({0: (TASK, dot(3))})
    potential.update({0: dot(10)})
    process.kill()
    process.model = "SecondCentroidModel"
    process.start(ready=False)
    potential.update({0: dot(20)})
    assert potential.status[0] == Status.STALE
    assert model.spec.version == "2"
    potential.begin({0: (TASK, dot(3))})
    potential.update({0: dot(31)})
    assert potential.status[0] == Status.OK
    assert potential.phi[0] == pytest.approx(1.0)


def test_a_combination_with_remote_members_is_excused_and_counts_their_outages(process):
    model = CombinedModel([opened(process.url, wait=0), open_model("time_counter")])
    potential = Potential(model, slots=1, max_failure_share=0.1, window=10)
    potential.begin({0: (TASK, dot(3))})
    process.kill()
    for _ in range(20):
        potential.update({0: dot(10)})
    assert len(model.outages) == 1
    process.start()
    time.sleep(0.5)
    deadline = time.monotonic() + 20.0
    while potential.status[0] != Status.OK:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        potential.update({0: dot(10)})
    potential.begin({0: (TASK, dot(3))})  # tells the service that the last episode is over
    assert model.outages[0].over
