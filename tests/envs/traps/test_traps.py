"""Every trap: a sound environment, an honest picture, a model that reads it and is wrong."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import kibble.envs  # noqa: F401  (registers the traps)
from kibble.envs.traps import TRAPS, trap_model
from kibble.rewards import RewardModel, Task
from kibble.rewards.causal import read_causally
from kibble.rewards.errors import ConfigError, FrameError

NAMES = sorted(TRAPS)


def readings(name):
    """Progress and success that the model reads with the robot in each cell, in one episode."""
    env = gymnasium.make(TRAPS[name].id).unwrapped
    frames = []
    for state in range(env.mdp.states):
        env.set_state({"state": state})
        frames.append(env.frames()["front"][0])
    video = {"front": np.stack(frames)}
    estimate = read_causally(trap_model(name), [(Task(instruction="go"), video)])[0]
    return env, dict(zip(env.cells, estimate.progress.tolist(), strict=True)), estimate.success


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_sound_environment(name):
    env = gymnasium.make(TRAPS[name].id, render_mode="rgb_array")
    check_env(env.unwrapped, skip_render_check=False)
    assert env.unwrapped.mdp.states == env.observation_space.shape[0]
    env.reset(seed=0)
    assert env.render().shape == (*trap_model(name).spec.image_size, 3)
    env.close()


@pytest.mark.parametrize("name", NAMES)
def test_it_plays_the_process_that_it_shows(name):
    env = gymnasium.make(TRAPS[name].id).unwrapped
    rng = np.random.default_rng(0)
    env.reset(seed=1)
    for _ in range(400):
        before = env.get_state()["state"]
        action = rng.integers(5)
        obs, reward, terminated, truncated, info = env.step(action)
        after = int(obs.argmax())
        assert env.mdp.transition[before, action, after] > 0.0
        assert reward == env.mdp.reward[before, action, after] == float(info["is_success"])
        assert terminated == env.mdp.terminal[after]
        assert not truncated
        if terminated:
            env.reset()


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_has_a_picture_of_its_own_and_always_the_same(name):
    env = gymnasium.make(TRAPS[name].id).unwrapped
    env.reset(seed=0)
    pictures = set()
    for state in range(env.mdp.states):
        env.set_state({"state": state})
        frame = env.frames()["front"]
        assert frame.dtype == np.uint8
        np.testing.assert_array_equal(frame, env.frames()["front"])
        pictures.add(frame.tobytes())
    assert len(pictures) == env.mdp.states


@pytest.mark.parametrize("name", NAMES)
def test_the_model_keeps_its_contract(name):
    model = trap_model(name)
    assert isinstance(model, RewardModel)
    env, progress, _ = readings(name)
    env.reset(seed=0)
    episode = model.begin(Task(instruction="go"), env.frames())
    start = env.cells[env.get_state()["state"]]
    assert episode.progress == pytest.approx(progress[start])
    with pytest.raises(FrameError):
        model.begin(Task(instruction="go"), {"wrist": env.frames()["front"]})


def test_the_lamps_make_progress_go_up_and_down_on_the_way():
    _, progress, _ = readings("lamps")
    way = [progress[1, c] for c in range(1, 10)]
    assert sum(np.diff(way) < 0.0) == 2
    assert max(way) > way[-1]  # a lamp beats the goal


def test_a_lap_of_the_ring_ends_where_it_began():
    _, progress, _ = readings("ring")
    lap = [(4, 1), (3, 1), (2, 1), (1, 1), (1, 3), (1, 5), (3, 5), (5, 5), (5, 3), (5, 1)]
    values = [progress[cell] for cell in lap]
    jump = int(np.argmin(np.diff(values)))
    rising = values[jump + 1 :] + values[: jump + 1]
    assert rising == sorted(rising)
    assert rising[-1] - rising[0] > 0.85


def test_the_pad_is_lost_under_the_robot():
    _, progress, _ = readings("pad")
    assert progress[3, 4] == 0.5
    assert progress[3, 3] > 0.85


def test_the_poster_reads_as_the_goal():
    env, progress, success = readings("poster")
    assert progress[1, 1] > 0.95
    assert success[env.cells.index((1, 1))] == 1.0


def test_the_detour_begins_with_a_loss_of_progress():
    env, progress, _ = readings("detour")
    order = np.argsort(-env.trap.layout.steps_to_goal())
    way = [progress[env.cells[i]] for i in order]
    assert progress[3, 2] > 2.0 * min(way)
    steps = dict(zip(env.cells, env.trap.layout.steps_to_goal(), strict=True))
    assert steps[3, 2] == 8.0


def test_a_fall_into_the_ditch_reads_as_coming_nearer():
    _, progress, _ = readings("ditch")
    assert progress[3, 2] > progress[3, 1] + 0.3


def test_unknown_traps_are_refused_by_name():
    with pytest.raises(ConfigError, match="one of lamps, ring"):
        trap_model("hole")
    with pytest.raises(ConfigError, match="one of lamps, ring"):
        gymnasium.make(TRAPS["lamps"].id, trap="hole")


def test_a_state_is_given_back_with_its_random_numbers():
    env = gymnasium.make(TRAPS["ditch"].id).unwrapped
    env.reset(seed=3)
    state = env.get_state()
    first = [env.step(1)[0].argmax() for _ in range(6)]
    env.set_state(state)
    assert [env.step(1)[0].argmax() for _ in range(6)] == first
