"""What `kibble ros demo` is made of: its commands, and how they are started and ended."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.memory_transport import MemoryGraph
from tests.ros_domain import free_domain, wait_until

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import split_command
from kibble.agents.ros.child_commands import ChildCommands
from kibble.agents.ros.demo import progress
from kibble.agents.ros.demo_config import RosDemoConfig
from kibble.agents.ros.demo_words import DemoWords
from kibble.agents.ros.reward_ear import RewardEar
from kibble.rewards.errors import ConfigError, KibbleError
from kibble.rewards.ros.qos import STATE

PARTS = ("serve", "simulate", "node", "train", "record", "evaluate", "score")


@pytest.fixture
def commands(tmp_path):
    with ChildCommands(
        logs=tmp_path / "logs", environment={"OMP_NUM_THREADS": "1"}, stopped=threading.Event()
    ) as children:
        yield children


@pytest.mark.parametrize("part", PARTS)
def test_every_command_of_the_demo_is_one_that_there_is(part, tmp_path):
    words = DemoWords(RosDemoConfig(steps=70, episodes=4, seed=5), tmp_path, port=8301)
    command, rest = split_command(getattr(words, part))
    with open_composer(command) as composer:
        config = composer.instantiate(rest)
    if part == "train":
        assert (config.steps, config.seed, config.task.real_time) == (70, 5, True)
    if part == "node":
        assert config.overrides["reward"] == "remote@http://127.0.0.1:8301/grm_tiny"


@pytest.mark.parametrize("key", ["steps", "episodes"])
def test_a_demo_without_steps_or_episodes_is_refused(key):
    with pytest.raises(ConfigError, match=f"`{key}` must be at least 1"):
        RosDemoConfig(**{key: 0})


def test_progress_is_read_from_the_log_of_episodes(tmp_path):
    assert progress(tmp_path, seconds=3, steps=90) == ("3 s, 0 of 90 steps, no episode has ended")
    lines = [json.dumps({"steps": 20 * n, "success": n % 2 == 0}) for n in range(1, 5)]
    log = tmp_path / "episodes.jsonl"
    log.write_text("\n".join([*lines, '{"steps": 100, "succ']))
    assert progress(tmp_path, seconds=9, steps=90) == (
        "9 s, 80 of 90 steps, 4 episodes, success of the last 4: 50 %"
    )


def test_a_command_that_ends_too_early_is_named_with_its_last_words(commands, tmp_path):
    commands.start("oracle", ["prophesy"])
    with pytest.raises(KibbleError, match=r"`oracle` must go on to its end, got status 2: .*help"):
        commands.wait_until(lambda: False, "an answer", limit=60.0)
    assert "prophesy" in (tmp_path / "logs" / "oracle.log").read_text()


def test_a_command_is_waited_for_and_its_failure_raised(commands, tmp_path):
    commands.start("version", ["--version"])
    commands.finish("version")
    assert (tmp_path / "logs" / "version.log").read_text().startswith("kibble ")
    commands.start("fails", ["ros", "nothing"])
    with pytest.raises(KibbleError, match="`fails` must go on"):
        commands.finish("fails")


def test_commands_end_as_by_ctrl_c_when_the_demo_does(tmp_path):
    bag = tmp_path / "run.mcap"
    part = tmp_path / "run.mcap.part"
    stopped = threading.Event()
    with ChildCommands(logs=tmp_path / "logs", environment={}, stopped=stopped) as commands:
        commands.start("record", ["ros", "record", f"output={bag}", f"domain={free_domain()}"])
        commands.wait_until(part.exists, "the recorder", limit=60.0)
        with pytest.raises(ConfigError, match="The moon must come within 0 s"):
            commands.wait_until(lambda: False, "The moon", limit=0.0)
        stopped.set()
        with pytest.raises(KeyboardInterrupt):
            commands.wait_until(lambda: False, "The moon")
    assert not part.exists()  # it tidied up, as it heard nothing
    assert "must hear something" in (tmp_path / "logs" / "record.log").read_text()


def test_rewards_between_episodes_do_not_count_as_late():
    graph = MemoryGraph()
    ear = RewardEar(graph.open("ear"), "/reward_node/reward")
    node = graph.open("node").advertise("/reward_node/reward", "kibble_msgs/msg/Reward", qos=STATE)
    for state, status, latency in ((1, 0, 0.02), (1, 0, 0.04), (1, 1, 0.5), (2, 1, 9.0)):
        node.publish({"episode_state": state, "status": status, "latency": latency})
    assert ear.heard == 4
    assert ear.describe() == (
        "3 rewards within episodes, 66.7 % with a status of OK; from image to reward 30 ms "
        "(median), 40 ms (99 %)"
    )


@pytest.mark.slow
def test_nothing_outlives_a_demo_that_is_ended(tmp_path):
    out = tmp_path / "demo"
    command = [sys.executable, "-m", "kibble", "ros", "demo", f"domain={free_domain()}"]
    demo = subprocess.Popen([*command, f"out={out}"], stderr=subprocess.PIPE, text=True)
    begun: set[int] = set()

    def two_commands_run():
        begun.update(children_of(demo.pid))
        return len(begun) >= 2

    try:
        wait_until(two_commands_run, limit=60.0)
        demo.send_signal(signal.SIGTERM)
        _, said = demo.communicate(timeout=120)
    finally:
        demo.kill()
    assert demo.returncode == 130, said
    assert not [pid for pid in begun if Path(f"/proc/{pid}").exists()]


def children_of(pid):
    return map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
