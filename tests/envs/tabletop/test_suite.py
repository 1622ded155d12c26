"""Contracts that every environment of the suite must keep."""

from __future__ import annotations

import json
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from kibble.envs.registration import ENVIRONMENTS, register
from kibble.envs.tabletop import TabletopEnv, make_expert
from kibble.envs.tabletop.env import DWELL
from kibble.rewards.errors import ConfigError

IDS = sorted(ENVIRONMENTS)
SEEDS = range(100, 106)


@pytest.fixture(params=IDS)
def env(request):
    made = gymnasium.make(request.param)
    yield made
    made.close()


def random_rollout(env, *, seed, steps):
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(steps):
        yield env.step(env.action_space.sample())


def test_gymnasium_checker_has_nothing_to_say(env):
    check_env(env.unwrapped)  # warnings are errors


def test_registering_twice_does_nothing():
    before = {env_id: gymnasium.registry[env_id] for env_id in IDS}
    register()
    assert all(gymnasium.registry[env_id] is spec for env_id, spec in before.items())


def test_module_and_id_need_no_import():
    env = gymnasium.make("kibble.envs:kibble/Reach-v0")
    assert isinstance(env.unwrapped, TabletopEnv)
    env.close()


def test_spaces_are_finite_and_hold_what_comes(env):
    space = env.observation_space
    assert space.dtype == np.float32
    assert np.isfinite(space.low).all()
    assert np.isfinite(space.high).all()
    for obs, reward, terminated, truncated, info in random_rollout(env, seed=3, steps=30):
        assert obs.dtype == np.float32
        assert space.contains(obs)
        assert reward == float(terminated)
        assert type(terminated) is bool
        assert type(truncated) is bool
        assert 0.0 <= info["progress"] <= 1.0
        assert isinstance(info["stage"], int)
        assert isinstance(info["is_success"], bool)
        assert info["instruction"] == env.unwrapped.instruction


def test_observation_names_are_one_per_entry_and_proprioception_leads(env):
    table = env.unwrapped
    names = table.observation_names
    assert len(names) == len(set(names)) == table.observation_space.shape[0]
    assert names[:3] == ("hand_x", "hand_y", "hand_z")
    assert names[table.proprioception_size - 1] == "grip_load"
    obs, _ = env.reset(seed=0)
    np.testing.assert_allclose(obs[:3], table.world.pinch, atol=1e-6)


def test_same_seed_same_trajectory():
    for env_id in IDS:
        first, second = gymnasium.make(env_id), gymnasium.make(env_id)
        for one, other in zip(
            random_rollout(first, seed=7, steps=15),
            random_rollout(second, seed=7, steps=15),
            strict=True,
        ):
            np.testing.assert_array_equal(one[0], other[0])
            assert one[1:] == other[1:]
        other_obs, _ = second.reset(seed=8)
        assert not np.array_equal(first.reset(seed=7)[0], other_obs)
        first.close()
        second.close()


def test_a_state_continues_bit_by_bit_in_another_environment(env):
    table = env.unwrapped
    expert = make_expert(env, rng=np.random.default_rng(0))
    env.reset(seed=11)
    for _ in range(8):
        env.step(expert())
    state = table.get_state()
    actions = [expert(), *(env.action_space.sample() for _ in range(12))]
    there = [env.step(action) for action in actions]
    after = env.reset()[0]
    other = gymnasium.make(env.spec.id).unwrapped
    other.reset(seed=999)
    other.set_state(state)
    assert other.instruction == state_instruction(table, state)
    for expected, action in zip(there, actions, strict=True):
        got = other.step(action)
        np.testing.assert_array_equal(got[0], expected[0])
        assert got[1:3] == expected[1:3]
        assert got[4] == expected[4]
    np.testing.assert_array_equal(other.reset()[0], after)  # random numbers go on as well
    other.close()


def state_instruction(table, state):
    colours = dict(zip(table.task.slots, state["colours"], strict=True))
    return table.task.phrasings(table.goals[state["goal"]], colours)[state["phrasing"]]


def test_a_state_survives_npz(env, tmp_path):
    table = env.unwrapped
    env.reset(seed=2)
    np.savez(tmp_path / "state.npz", **table.get_state())
    expected = env.step(np.zeros(4, np.float32))[0]
    with np.load(tmp_path / "state.npz") as saved:
        table.set_state({name: saved[name] for name in saved.files})
    np.testing.assert_array_equal(env.step(np.zeros(4, np.float32))[0], expected)


def test_a_state_survives_json(env):
    table = env.unwrapped
    env.reset(seed=2)
    state = table.get_state()
    state["physics"] = state["physics"].tolist()
    expected = env.step(np.zeros(4, np.float32))[0]
    table.set_state(json.loads(json.dumps(state)))
    np.testing.assert_array_equal(env.step(np.zeros(4, np.float32))[0], expected)


def test_state_of_another_task_is_refused():
    reach, push = gymnasium.make("kibble/Reach-v0"), gymnasium.make("kibble/Push-v0")
    reach.reset(seed=0)
    with pytest.raises(ConfigError, match="must come from task 'push', got 'reach'"):
        push.unwrapped.set_state(reach.unwrapped.get_state())


def test_expert_succeeds_and_its_progress_ends_at_one(env):
    for seed in SEEDS:
        _, info = env.reset(seed=seed)
        assert info["progress"] < 0.55
        assert not env.unwrapped.oracle().success
        expert = make_expert(env)
        successes, ended = [], False
        while not ended:
            _, reward, terminated, truncated, info = env.step(expert())
            reading = env.unwrapped.oracle()
            successes.append(reading.success)
            assert reading.progress == info["progress"]
            assert (reading.progress == 1.0) == reading.success
            assert info["is_success"] == terminated == (reward == 1.0)
            ended = terminated or truncated
        assert terminated, f"seed {seed}"
        held = round(DWELL / env.unwrapped.control_dt)
        assert all(successes[-held - 1 :])  # n + 1 readings span n steps


def test_experts_of_wrong_goals_do_not_succeed_at_the_right_one(env):
    table = env.unwrapped
    for seed in SEEDS:
        env.reset(seed=seed)
        wrong = table.goals[(table.goal.index + 1) % len(table.goals)]
        expert = make_expert(env, wrong)
        for _ in range(60):
            info = env.step(expert())[4]
            assert not info["is_success"]
            if table.oracle(wrong).success:
                break
        assert table.oracle(wrong).success, f"seed {seed}"
        assert info["progress"] < 1.0


def test_expert_with_noise_differs_and_refuses_other_environments(env):
    env.reset(seed=1)
    plain = make_expert(env)()
    noisy = make_expert(env, rng=np.random.default_rng(1))()
    assert plain.shape == noisy.shape == (4,)
    assert plain.dtype == noisy.dtype == np.float32
    assert not np.array_equal(plain, noisy)
    with pytest.raises(ConfigError, match="experts exist for the kibble"):
        make_expert(gymnasium.make("CartPole-v1"))


def test_progress_seldom_falls_on_the_experts_way(env):
    falls = []
    for seed in SEEDS:
        _, info = env.reset(seed=seed)
        expert = make_expert(env)
        progress = [info["progress"]]
        while not info["is_success"]:
            info = env.step(expert())[4]
            progress.append(info["progress"])
        falls.append(max(before - after for before, after in pairwise(progress)))
    assert max(falls) < 0.06
    assert np.mean(falls) < 0.02


def test_success_needs_half_a_second_and_starts_anew_when_lost():
    env = gymnasium.make("kibble/Reach-v0")
    env.reset(seed=0)
    expert = make_expert(env)
    away = np.array([0.0, 0.0, 1.0, 0.0], np.float32)
    while not env.unwrapped.oracle().success:
        env.step(expert())
    for _ in range(3):
        assert not env.step(expert())[2]
    while env.unwrapped.oracle().success:
        env.step(away)
    readings = 0
    while True:
        terminated = env.step(expert())[2]
        readings += env.unwrapped.oracle().success
        if terminated:
            break
    assert readings == 6
    env.close()


def test_oracle_does_not_reach_observation_or_reward(env):
    """Equal physics, other goal order: what the oracle says changes, what is seen does not."""
    table = env.unwrapped
    assert not {"progress", "stage", "success"} & set(table.observation_names)
    env.reset(seed=5)
    state = table.get_state()
    obs, reward = env.step(np.zeros(4, np.float32))[:2]
    table.set_state(state)
    original = table.task.oracle
    table.task.oracle = lambda world, goal: original(world, table.goals[-1 - goal.index])
    try:
        other_obs, other_reward = env.step(np.zeros(4, np.float32))[:2]
    finally:
        del table.task.oracle
    np.testing.assert_array_equal(obs, other_obs)
    assert reward == other_reward


def test_every_goal_can_be_forced_and_each_phrasing_names_it(env):
    table = env.unwrapped
    seen = set()
    for goal in table.goals:
        count = len(table.phrasings(goal))
        assert count >= 5
        for phrasing in range(count):
            _, info = env.reset(seed=4, options={"goal": goal.index, "phrasing": phrasing})
            assert table.goal == goal
            assert info["instruction"] == table.phrasings(goal)[phrasing]
            named = [
                colour
                for slot, colour in table.colours.items()
                if slot in (goal.subject, goal.target)
            ]
            assert named
            assert all(colour in info["instruction"] for colour in named)
            seen.add(info["instruction"])
    assert len(seen) == sum(len(table.phrasings(goal)) for goal in table.goals)
    assert len(table.goals) >= 2


def test_forcing_a_goal_leaves_the_scene_as_the_seed_has_it(env):
    table = env.unwrapped
    env.reset(seed=9, options={"goal": 0})
    first = table.world.state()
    env.reset(seed=9, options={"goal": len(table.goals) - 1})
    np.testing.assert_array_equal(first, table.world.state())


def test_goals_colours_and_phrasings_vary_by_seed(env):
    table = env.unwrapped
    goals, colours, sentences = set(), set(), set()
    for seed in range(40):
        env.reset(seed=seed)
        goals.add(table.goal.index)
        colours.update(table.colours.values())
        sentences.add(table.instruction)
        assert len(set(table.colours.values())) == len(table.colours)
    assert goals == set(range(len(table.goals)))
    assert len(colours) == 6
    assert len(sentences) > 20


def test_nothing_overlaps_or_flies_off_at_the_start(env):
    table = env.unwrapped
    for seed in range(20):
        env.reset(seed=seed)
        depth = table.world.data.contact.dist
        assert depth.min(initial=0.0) > -0.002
        assert np.abs(table.world.data.qvel).max() < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"goal": 99}, r"`goal` must lie in \[0, \d+\], got 99"),
        ({"phrasing": -1}, r"`phrasing` must lie in \[0, 5\], got -1"),
        ({"goal": "first"}, "`goal` must be an integer, got 'first'"),
        ({"gaol": 1}, "may hold 'goal' and 'phrasing', got 'gaol'"),
    ],
)
def test_bad_options_are_refused(env, options, message):
    with pytest.raises(ConfigError, match=message):
        env.reset(seed=0, options=options)


@pytest.mark.parametrize("action", [np.zeros(3), np.full(4, np.nan), np.zeros((1, 4))])
def test_bad_actions_are_refused(env, action):
    env.reset(seed=0)
    with pytest.raises(ValueError, match="`action` must be 4 finite numbers"):
        env.unwrapped.step(action)


def test_pushing_against_the_table_does_not_wind_up(env):
    env.reset(seed=0)
    down = np.array([0.0, 0.0, -1.0, 1.0], np.float32)
    for _ in range(20):
        env.unwrapped.step(down)
    before = env.unwrapped.world.pinch[2]
    for _ in range(2):  # 8 cm up, of which the lead of 6 cm may take a part
        env.unwrapped.step(-down)
    assert env.unwrapped.world.pinch[2] > before + 0.01


def test_reflections_hold_for_the_dynamics():
    """Reflecting start and action reflects the next observation."""
    env = gymnasium.make("kibble/Reach-v0")
    table = env.unwrapped
    middle = (table.observation_space.low + table.observation_space.high) / 2.0
    observation, _ = env.reset(seed=6)
    state, balls = table.get_state(), table.world.data.mocap_pos.copy()
    action = np.array([0.3, 0.8, -0.4, 0.0], np.float32)
    moved = env.step(action)[0] - middle
    velocity = np.array(["velocity" in name for name in table.observation_names])
    assert len(table.reflections) == 3
    for signs, action_signs in table.reflections:
        table.set_state(state)
        hand = (signs * (observation - middle) + middle)[:3]
        table.world.data.mocap_pos[:] = (balls - middle[:3]) * action_signs[:3] + middle[:3]
        table.world.place_hand(hand, closed=True)
        table.world.data.qvel[:] = 0
        table.world.refresh()
        after = env.step(action * action_signs)[0] - middle
        difference = np.abs(after - signs * moved)
        assert difference[~velocity].max() < 2e-3
        assert difference[velocity].max() < 0.03
    env.close()


@pytest.mark.slow
def test_experts_reach_98_percent_of_100_seeds(env):
    successes = 0
    for seed in range(100):
        env.reset(seed=seed)
        expert = make_expert(env)
        ended = False
        while not ended:
            _, _, terminated, truncated, _ = env.step(expert())
            ended = terminated or truncated
        successes += terminated
    assert successes >= 98
