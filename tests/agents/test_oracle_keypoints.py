"""The simulator's keypoints travel as frames, and a keypoint reward reads them like any other."""

from __future__ import annotations

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
from tests.agents.small_runs import small_run
from tests.reward_models import CentroidModel

from kibble.agents.config import RewardConfig, TaskConfig
from kibble.agents.demonstrated import demonstrated_transitions
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record
from kibble.agents.demonstrations.recording_log import read_log
from kibble.agents.environments import build_environments
from kibble.agents.oracle_keypoints import (
    ORACLE_KEYPOINTS,
    OracleDetector,
    OracleKeypointFrames,
    OracleLocator,
    OracleProposer,
    keypoint_frames,
    oracle_keypoint_reward,
    read_keypoints,
)
from kibble.envs import ShapedReward
from kibble.envs.tabletop import Goal, TabletopEnv, make_expert
from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.tasks import TASKS
from kibble.envs.tabletop.tasks.reach import Reach
from kibble.envs.tabletop.world import World
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.types import Task


def table(task: str, seed: int = 0) -> OracleKeypointFrames:
    env = OracleKeypointFrames(TabletopEnv(task))
    env.reset(seed=seed)
    return env


@pytest.mark.parametrize("task", TASKS)
def test_places_and_plan_survive_as_bytes(task):
    env = table(task)
    told = env.unwrapped.affordances()
    frames = keypoint_frames(task, told)
    assert frames[ORACLE_KEYPOINTS].shape == (1, 1, 17, 3)
    positions, plans = read_keypoints(concatenate_frames([frames, frames]))
    np.testing.assert_allclose(positions, np.stack([told.positions] * 2), atol=1e-7)
    assert plans == [task, task]


def test_the_locator_knows_what_the_task_has_and_says_what_it_lacks():
    opened = OracleLocator().open("reach the red ball", table("reach").frames())
    assert opened.waypoints == TASKS["reach"].plan
    seen, lost = TrackState.SEEN, TrackState.LOST
    assert opened.located.state.tolist() == [[seen, lost, lost, seen]]
    assert opened.located.confidence.tolist() == [[1.0, 0.0, 0.0, 1.0]]


@pytest.mark.parametrize("task", ["drawer_open", "push"])
def test_an_experts_progress_rises_to_the_end(task):
    env = table(task, seed=2)
    model = oracle_keypoint_reward()
    expert = make_expert(env)
    episode = model.begin(Task(instruction=env.unwrapped.instruction), env.frames())
    first, done = episode.progress, False
    while not done:
        _, _, done, _, _ = env.step(expert())
        estimate = model.estimate([episode], env.frames())
    assert episode.progress > max(first + 0.5, 0.9)
    assert estimate.confidence.tolist() == [1.0]


def test_detector_and_proposer_mark_what_the_cameras_have_in_their_pictures():
    env = table("push")
    cameras = {view: env.unwrapped.camera(view) for view in ("front", "side")}
    found = OracleDetector(cameras).detect(["push"], env.frames())
    proposal = OracleProposer(cameras).propose("push", env.frames())
    places = env.unwrapped.affordances().positions
    for r, role in enumerate(ROLES):
        for view, camera in cameras.items():
            (pixel,) = camera.project(places[[r]])
            np.testing.assert_allclose(found.pixels[view][0, r], pixel, atol=1e-3)
            np.testing.assert_allclose(proposal.keypoints[role].pixels[view], pixel, atol=1e-3)
    assert proposal.waypoints == TASKS["push"].plan
    reach = table("reach")
    assert Role.GRASP not in OracleProposer(cameras).propose("reach", reach.frames()).keypoints


def test_it_warns_and_is_chosen_by_name_alone(caplog):
    oracle_keypoint_reward()
    assert "results say what perfect keypoints would give" in caplog.text
    with pytest.raises(ConfigError, match=r"reward\.kind"):
        RewardConfig(kind="oracle_keypoint")


def test_other_environments_are_refused():
    with pytest.raises(ConfigError, match="task of the tabletop suite, got PendulumEnv"):
        OracleKeypointFrames(gym.make("Pendulum-v1"))


def test_demonstrations_pay_what_the_run_itself_would_have_paid(tmp_path):
    views = {"views": ["front"], "image_size": [16, 16]}
    push = TaskConfig(name="push", id="kibble/Push-v0", **views)
    folder = tmp_path / "demonstrations"
    record(DemosConfig(task=push, episodes=2, seed=3, out=str(folder)))
    oracle = RewardConfig(name="oracle_keypoints", kind="oracle_keypoints")
    config = small_run(tmp_path / "run", task=push, reward=oracle, demonstrations=str(folder))
    paid = demonstrated_transitions(config, None).rewards
    live = []
    for entry, episode in zip(read_log(folder).episodes, Demonstrations(folder), strict=True):
        env = ShapedReward(
            OracleKeypointFrames(TabletopEnv("push")),
            oracle_keypoint_reward(),
            gamma=config.agent.gamma,
            mode=config.shaping.mode,
            scale=config.shaping.scale,
            shift=config.shaping.shift,
        )
        env.reset(seed=entry.seed)
        live += [float(env.step(action)[1]) for action in episode.actions]
    assert paid == pytest.approx(np.array(live), abs=1e-5)
    assert len(np.unique(paid)) > 10


REACH = TaskConfig(name="reach", id="kibble/Reach-v0", views=["front"], image_size=[16, 16])


def rollout(reward: RewardConfig, tmp_path) -> tuple[np.ndarray, np.ndarray]:
    config = small_run(tmp_path / "run", task=REACH, reward=reward)
    model = CentroidModel(views=("front",)) if reward.kind == "model" else None
    venv = build_environments(config, model)
    venv.seed(3)
    observations, rewards = [venv.reset()], []
    rng = np.random.default_rng(0)
    for _ in range(10):
        observation, paid, _, _ = venv.step(rng.uniform(-1, 1, (1, 4)).astype(np.float32))
        observations.append(observation)
        rewards.append(paid)
    venv.close()
    return np.stack(observations), np.stack(rewards)


@pytest.mark.parametrize(
    ("kind", "same"), [("sparse", True), ("model", True), ("oracle_keypoints", False)]
)
def test_the_simulators_keypoints_reach_no_other_reward_and_no_observation(
    tmp_path, monkeypatch, kind, same
):
    reward = RewardConfig(name=kind, kind=kind, weights="by_the_test" if kind == "model" else None)
    honest_seen, honest_paid = rollout(reward, tmp_path)
    truth = Reach.affordances

    def poisoned(task: Reach, world: World, goal: Goal) -> Affordances:
        told = truth(task, world, goal)
        return dataclasses.replace(told, positions=told.positions * 0.9)

    monkeypatch.setattr(Reach, "affordances", poisoned)
    poisoned_seen, poisoned_paid = rollout(reward, tmp_path)
    np.testing.assert_array_equal(honest_seen, poisoned_seen)
    assert np.array_equal(honest_paid, poisoned_paid) == same
