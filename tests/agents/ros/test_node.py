"""`kibble ros node`: its settings, and the command as a process on the wire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.agents.cli import run
from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.ros.node import full_name_of, parameters_of
from kibble.agents.ros.node_config import NodeConfig
from kibble.agents.ros.node_status import NodeStatus
from kibble.rewards.errors import ConfigError
from kibble.rewards.node.episodes import EpisodeState, Outcome
from kibble.rewards.node.parameter_table import PARAMETERS
from kibble.rewards.node.reward_message import RewardMessage
from kibble.rewards.ros.clock import SystemClock
from kibble.rewards.ros.images import encode
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import SENSOR, STATE
from kibble.rewards.types import Status

PARAMS = """
/**:
  ros__parameters:
    views: [front]
    reward: time_counter?horizon=50
    instruction: open the drawer
    auto_start: true
    rate: 20.0
    cameras: {front: {topic: /eye, rate: 20.0}}
"""


@pytest.fixture
def params(tmp_path: Path) -> str:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return str(path)


def test_every_parameter_has_a_key() -> None:
    keys = {field.name for field in fields(NodeConfig)}
    assert {parameter.name for parameter in PARAMETERS} <= keys


def test_what_is_given_beside_a_file_comes_first(params: str) -> None:
    parameters = parameters_of(
        NodeConfig(params=params, rate=5.0, cameras={"front": {"rate": 10}})
    )
    assert (parameters.rate, parameters.instruction) == (5.0, "open the drawer")
    assert (parameters.cameras["front"].topic, parameters.cameras["front"].rate) == ("/eye", 10.0)


def test_without_a_file_the_cameras_are_the_views() -> None:
    config = NodeConfig(cameras={"front": "/a", "wrist": "/b"}, namespace="lab", name="judge")
    parameters = parameters_of(config)
    assert parameters.views == ("front", "wrist")
    assert parameters.cameras["wrist"].topic == "/b"
    assert full_name_of(config) == "/lab/judge"


def test_a_reward_with_options_is_one_text() -> None:
    reference = "remote@http://127.0.0.1:8300/grm_tiny?timeout=2&format=jpeg"
    with open_composer(COMMANDS["ros node"]) as composer:
        config = composer.instantiate([f"reward={reference}"])
    assert isinstance(config, NodeConfig)
    assert config.reward == reference


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"cameras": {"front": 3}}, "`cameras.front` must be a topic or"),
        ({"cameras": "/a"}, "`cameras` must map views to topics, got '/a'"),
        ({"duration": 0.0}, "`duration` must be above 0 s or null"),
    ],
)
def test_settings_that_are_none_are_refused(values, text) -> None:
    with pytest.raises(ConfigError, match=text):
        NodeConfig(**values)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tolerance=0"], "Parameter `tolerance` must be a number in [0.0001, 10] s, got 0"),
        (["rate=31"], "Parameter `rate` must lie in [0.1, 30] Hz"),
        (
            ["reward=grm_tiny", "cameras={frnt: /a}"],
            "Parameter `views` must name views that reward model 'grm_tiny' reads",
        ),
        (["params=none.yaml"], "`params` must be a file that can be read, got none.yaml"),
    ],
)
def test_bad_parameters_end_the_command_at_once(words, text, capsys) -> None:
    assert run(["ros", "node", "transport=dds", f"domain={free_domain()}", *words]) == 2
    assert text in " ".join(capsys.readouterr().err.split())


def test_the_line_says_how_the_node_is_doing() -> None:
    status = NodeStatus()
    assert status.line() == "nothing was published yet"
    for step, kind in enumerate((Status.STALE, Status.OK, Status.OK, Status.STALE)):
        status.take(
            RewardMessage(
                stamp=1,
                frame_id="",
                task="push",
                episode="a-1",
                episode_state=EpisodeState.ENDED,
                outcome=Outcome.SUCCESS,
                step=step,
                progress=0.5,
                potential=0.5,
                reward=0.0,
                success=0.25,
                confidence=1.0,
                status=kind,
                status_text="" if kind is Status.OK else "It is late.",
                latency=0.02,
                model_time=0.01,
                model="m",
                model_version="1",
            )
        )
    line = status.line(missed=3)
    assert "(OK 67 %, STALE 33 %); latency 20 ms (p99 20); 3 periods missed" in line
    assert "episode a-1 ended (success), step 3, progress 0.50, success 0.25: push" in line
    assert line.endswith("; STALE: It is late.")


def test_the_command_joins_a_graph_and_ends_when_it_is_told_to(params: str) -> None:
    domain = free_domain()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kibble", "ros", "node", f"params={params}"),
            *("transport=dds", f"domain={domain}", "name=judge", "deadline=2.0"),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    robot = open_transport("dds", "robot", domain=domain)
    try:
        said: list = []
        robot.subscribe("/judge/reward", "kibble_msgs/msg/Reward", said.append, qos=STATE)
        camera = robot.advertise("/eye", "sensor_msgs/msg/Image", qos=SENSOR)
        clock = SystemClock()

        def film() -> bool:
            camera.publish(encode(np.full((48, 64, 3), 9, np.uint8), stamp=clock.now()))
            return sum(message.status == Status.OK for message in said) >= 3

        wait_until(film, limit=60.0)
        assert said[-1].task == "open the drawer"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30.0)
        assert process.returncode == 0, errors
        assert "Rewards on /judge/reward at 20 Hz." in errors
        assert "episode " in errors
    finally:
        process.kill()
        process.wait()
        robot.close()


def test_what_a_robot_imports_is_numpy_pillow_and_httpx_alone() -> None:
    program = """
import json, sys
from kibble.rewards.node import model_opening, parameter_file, reward_node, wiring
from kibble.rewards.ros import opening, topic_clock
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {
        *("torch", "cyclonedds", "rosbags", "yaml", "cv2", "gymnasium", "mujoco", "hydra"),
    }
