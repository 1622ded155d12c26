"""Episodes begin where the success rate says, and resume there."""

from __future__ import annotations

import dataclasses

import gymnasium
import numpy as np
import pytest
import torch
from tests.agents.reach_line import ResumableLine
from tests.agents.small_runs import LINE, small_run, small_sac
from tests.agents.test_resume import policy, records

from kibble.agents.builders import build_agent
from kibble.agents.config import RewardConfig, TaskConfig
from kibble.agents.curriculum import ChosenStarts, CurriculumVecEnv, GoalSampling, MovingBack
from kibble.agents.curriculum_config import CurriculumConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record
from kibble.agents.environments import make_environment
from kibble.agents.recorded_starts import RecordedStart, recorded_stages
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)
STARTS = CurriculumConfig(kind="starts", share=0.5, stages=2, window=4, threshold=0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demonstrations") / "reach"
    record(DemosConfig(task=REACH, episodes=2, seed=3, out=str(out)))
    return out


def test_the_start_moves_back_as_it_succeeds_and_ends_at_the_environments_own():
    sampling = MovingBack(STARTS)
    assert sampling.weights([[], [], []]).tolist() == [0.5, 0.0, 0.5]
    assert sampling.weights([[], [], [True] * 3]).tolist() == [0.5, 0.0, 0.5]
    assert sampling.weights([[], [], [False, False, False, True]]).tolist() == [0.5, 0.0, 0.5]
    assert sampling.weights([[], [], [False, True, False, True]]).tolist() == [0.5, 0.5, 0.0]
    assert sampling.weights([[False], [True] * 4, [True] * 4]).tolist() == [1.0, 0.0, 0.0]


def test_goals_that_fail_are_asked_for_more_often_and_none_is_forgotten():
    sampling = GoalSampling(CurriculumConfig(kind="goals", temperature=0.5, floor=0.2))
    weights = sampling.weights([[True, True], [True, False], [], [False]])
    assert weights * (0.2 + 0.25 + 2.0) == pytest.approx([0.2, 0.25, 1.0, 1.0])


def test_states_of_demonstrations_are_those_that_were_recorded(folder):
    env = make_environment(REACH, renders=False)
    stages = recorded_stages(make_environment(REACH, renders=False), folder, stages=3)
    assert [len(starts) for starts in stages] == [2, 2, 2]
    chosen = ChosenStarts(env, stages)
    chosen.set_choice_weights([0.0, 0.0, 1.0, 0.0])
    episodes = list(Demonstrations(folder, views=()))
    begun = set()
    for seed in range(8):
        observation, info = chosen.reset(seed=seed)
        (number,) = (
            number
            for number, episode in enumerate(episodes)
            if np.array_equal(observation, episode.observations[len(episode) * 2 // 4])
        )
        begun.add(number)
        assert info["progress"] == env.unwrapped.oracle().progress
        assert np.array_equal(env.unwrapped._observe(), observation)
        step = len(episodes[number]) * 2 // 4
        following, *_ = chosen.step(episodes[number].actions[step])
        assert following == pytest.approx(episodes[number].observations[step + 1], abs=1e-6)
    assert begun == {0, 1}


def test_a_start_leaves_the_environments_random_numbers_alone(folder):
    stages = recorded_stages(make_environment(REACH, renders=False), folder, stages=1)
    chosen = ChosenStarts(make_environment(REACH, renders=False), stages)
    chosen.set_choice_weights([0.0, 1.0])
    chosen.reset(seed=0)
    after = [chosen.unwrapped.np_random.random() for _ in range(2)]
    chosen.reset()
    chosen.reset()
    assert chosen.unwrapped.np_random.random() not in after
    chosen.set_choice_weights([1.0, 0.0])
    assert not np.array_equal(chosen.reset()[0], chosen.reset()[0])


def test_members_hear_how_episodes_ended_wherever_they_began():
    state = {"place": 0.9, "goal": -0.9, "generator": np.random.PCG64(0).state}
    start = RecordedStart(state=state, observation=np.array([0.9, -1.8], np.float32), info={})
    wrapped = [
        lambda: ChosenStarts(gymnasium.wrappers.TimeLimit(ResumableLine(), 30), [[start]])
    ] * 2
    from stable_baselines3.common.vec_env import DummyVecEnv

    config = CurriculumConfig(kind="starts", share=1.0, stages=1, window=2, threshold=0.9)
    venv = CurriculumVecEnv(DummyVecEnv(wrapped), MovingBack(config), window=2)
    venv.reset()
    assert venv.get_attr("_choice") == [1, 1]
    for _ in range(9):  # from 0.9 to the goal at -0.9, both at once
        _, _, dones, _ = venv.step(-np.ones((2, 1), np.float32))
    assert dones.all()
    assert [w.tolist() for w in venv.get_attr("_weights")] == [[1.0, 0.0]] * 2
    venv.reset()
    assert venv.get_attr("_choice") == [0, 0]
    restored = CurriculumVecEnv(DummyVecEnv(wrapped), MovingBack(config), window=2)
    restored.set_state(venv.get_state())
    assert restored.get_state() == {"outcomes": [[], [True, True]]}


def test_goals_are_drawn_by_weight():
    chosen = ChosenStarts(gymnasium.make("kibble/Push-v0", disable_env_checker=True))
    count = len(chosen.unwrapped.goals)
    assert chosen.choices == count > 1
    for goal in range(count):
        chosen.set_choice_weights(np.eye(count)[goal])
        chosen.reset(seed=goal)
        assert chosen.unwrapped.goal.index == goal


def test_what_cannot_work_is_refused(folder, tmp_path):
    with pytest.raises(ConfigError, match="needs an environment with several goals, got 0"):
        ChosenStarts(make_environment(LINE, renders=False))
    with pytest.raises(ConfigError, match="needs an environment with get_state and set_state"):
        recorded_stages(make_environment(LINE, renders=False), folder, stages=1)
    with pytest.raises(ConfigError, match=r"`curriculum.kind=starts` needs demonstrations"):
        small_run(tmp_path, curriculum=STARTS)
    with pytest.raises(ConfigError, match=r"`curriculum.stages` must be at least 1, got 0"):
        CurriculumConfig(stages=0)
    with pytest.raises(ConfigError, match="must play again as they were recorded"):
        recorded_stages(ShiftedActions(make_environment(REACH, renders=False)), folder, stages=1)


class ShiftedActions(gymnasium.ActionWrapper):
    """Physics of another version."""

    def action(self, action):
        return action * 0.5


@pytest.mark.parametrize("kind", ["starts", "goals"])
def test_a_run_with_a_curriculum_resumes_as_if_uninterrupted(folder, tmp_path, kind):
    curriculum = dataclasses.replace(STARTS, kind=kind, window=2)
    config = small_run(
        tmp_path / "whole",
        task=REACH,
        reward=RewardConfig(),
        agent=small_sac(learning_starts=20),
        demonstrations=str(folder),
        curriculum=curriculum,
        steps=200,
    )
    if kind == "goals":
        config = dataclasses.replace(config, task=TaskConfig(name="push", id="kibble/Push-v0"))
        config = dataclasses.replace(config, demonstrations=None)
    whole = run_training(config)
    short = dataclasses.replace(config, run=str(tmp_path / "short"), steps=120)
    run_training(short)
    run_training(dataclasses.replace(short, resume=True, steps=200))
    assert records(tmp_path / "short") == records(whole.path)
    for name, weights in policy(whole.path).items():
        assert np.array_equal(weights, policy(tmp_path / "short")[name]), name


class FarLine(ResumableLine):
    """From one end to the other: random steps do not get there."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._place, self._goal = -1.0, 0.9
        return self._observe(), self._info()

    def step(self, action):
        return super().step(0.5 * np.asarray(action))


def far_line_success(stages, steps):
    """Whether the last five episodes from the line's own start reached the goal."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    config = CurriculumConfig(kind="starts", share=0.8, stages=4, window=5, threshold=0.8)
    venv = DummyVecEnv([lambda: ChosenStarts(gymnasium.wrappers.TimeLimit(FarLine(), 25), stages)])
    sampling = MovingBack(config) if len(stages) > 1 else Always()
    venv = CurriculumVecEnv(venv, sampling, window=5)
    agent = build_agent(
        small_sac(learning_starts=50),
        venv,
        seed=0,
        device=torch.device("cpu"),
        observation="state",
    )
    agent.learn(steps)
    return venv.get_state()["outcomes"][0]


class Always:
    """The environment's own start."""

    def weights(self, outcomes):
        return np.eye(len(outcomes))[0]


@pytest.mark.slow
def test_what_is_too_far_for_random_steps_is_learned_backwards():
    numbers = np.random.PCG64(0).state
    stages = []
    for place in (-0.6, -0.2, 0.2, 0.6):
        state = {"place": place, "goal": 0.9, "generator": numbers}
        shown = np.array([place, 0.9 - place], np.float32)
        stages.append([RecordedStart(state=state, observation=shown, info={})])
    assert not any(far_line_success(stages[:1], 800))
    assert sum(far_line_success(stages, 3_000)) >= 3
