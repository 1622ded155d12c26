"""A whole run on a robot behind ROS 2 topics, over the wire, with a human at the stick."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.small_runs import small_run, small_sac
from tests.envs.robot.small_robot import ROBOT, SmallRobot
from tests.ros_domain import free_domain, wait_until

pytest.importorskip("cyclonedds")
pytest.importorskip("rosbags")

from kibble.agents.checkpoints import load_newest
from kibble.agents.config import EvaluateConfig, RewardConfig, TaskConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.evaluate import run_evaluation
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.envs.robot import SystemTime
from kibble.rewards.ros.opening import open_transport


@pytest.fixture
def wire(tmp_path):
    domain = free_domain()
    file = tmp_path / "robot.yaml"
    file.write_text(ROBOT)
    node = open_transport("dds", "small_robot", domain=domain)
    robot = SmallRobot(node, SystemTime())
    yield (
        robot,
        TaskConfig(
            name="robot",
            id="kibble/Robot-v0",
            options={"file": str(file), "domain": domain},
            real_time=True,
        ),
    )
    robot.close()
    node.close()


def test_a_run_learns_from_what_the_human_did_and_leaves_the_robot_at_rest(wire, tmp_path):
    robot, task = wire
    robot.drive(-0.1, seconds=3_600.0)
    config = small_run(
        tmp_path / "run",
        task=task,
        reward=RewardConfig(),
        scoring=ScoringConfig(),
        observation="relative",
        agent=small_sac(learning_starts=5),
        steps=45,
    )
    directory = run_training(config)
    assert [record.length for record in read_episodes(directory.episodes)] == [20, 20]
    replay = load_newest(directory.checkpoints)["agent"]["replay"]
    acted = np.asarray(replay["interventions"])[:, 0]
    assert acted.sum() > 30
    driven = np.asarray(replay["actions"])[acted, 0, 0]
    assert np.median(driven) == pytest.approx(-0.2, abs=0.01)  # 0.1 of at most 0.5 m/s
    wait_until(lambda: robot.velocity.tolist() == [0.0, 0.0])
    out = EvaluateConfig(run=str(directory.path), episodes=1, seeds=[0], videos=0, judge="none")
    (summary,) = run_evaluation(out)
    assert summary.pooled.episodes == 1
