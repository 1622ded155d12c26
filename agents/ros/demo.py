"""``kibble ros demo``: everything that stands between a robot's cameras and what it learned."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from kibble.agents.ros.child_commands import ChildCommands
from kibble.agents.ros.demo_config import RosDemoConfig
from kibble.agents.ros.demo_words import NODE, DemoWords
from kibble.agents.ros.helping_hand import HelpingHand
from kibble.agents.ros.reward_ear import RewardEar
from kibble.agents.ros.status_line import StatusLine
from kibble.agents.ros.stopping import stop_signals
from kibble.agents.run_directory import new_directory
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.qos import LATCHED
from kibble.rewards.ros.transport import Transport

__all__ = ["check_alone", "progress", "ros_demo"]

_START = 120.0  # s that a command may take until it answers
_RECENT = 20  # episodes
_DISCOVERY = 1.5  # s until others in a domain are seen


def ros_demo(config: RosDemoConfig) -> None:
    """Run a simulated robot, a reward service, a reward node, training, recording and scoring.

    Raises:
        CheckpointError: If the folder exists.
        ConfigError: If the domain is in use.
        KibbleError: If one of the commands fails.
    """
    began = time.monotonic()
    console = Console(
        stderr=True, highlight=False, soft_wrap=True, markup=False, quiet=config.quiet
    )
    say = console.print
    port = _free_port()
    own = {
        "ROS_DOMAIN_ID": str(config.domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(stop_signals())
        stack.enter_context(_environment(own))
        transport = stack.enter_context(
            contextlib.closing(DdsTransport("ros_demo", domain=config.domain))
        )
        check_alone(transport)
        out = new_directory(config.out, otherwise=Path("runs") / "ros_demo")
        words = DemoWords(config, out, port=port)
        commands = stack.enter_context(
            ChildCommands(logs=out / "logs", environment=own, stopped=stopped)
        )
        ear = _start_robot_and_node(commands, transport, words, port=port)
        say(f"1. A simulated robot, a reward service on port {port} and a reward node run.")
        say(
            f"2. Learning to reach, {config.steps} steps at 10 Hz, after {config.helped} episodes "
            f"that a helping hand drives by teleoperation: {words.run}"
        )
        with HelpingHand(transport, episodes=config.helped):
            _train(commands, config, words)
        say(f"3. {config.episodes} episodes of what was learned, recorded.")
        _play(commands, words)
        say(f"4. The reward node published {ear.describe()}.")
        say("5. The reward model reads the recording.")
        commands.start("score", words.score)
        commands.finish("score")
    found = Console(soft_wrap=True, highlight=False, markup=False).print
    found(f"Table: {words.run / 'evaluation.json'}")
    found(f"Learning curve: {words.run / 'plots' / 'learning_curves.png'}")
    found(f"Recording, and with rewards: {words.bag}, {words.scored}")
    found(f"Page about its first episode: {words.scores / 'report.html'}")
    found(f"It took {(time.monotonic() - began) / 60:.1f} minutes.")


def _start_robot_and_node(
    commands: ChildCommands, transport: Transport, words: DemoWords, *, port: int
) -> RewardEar:
    """Start what runs all the time, and wait until it does."""
    ready: list[bool] = []
    transport.subscribe(
        "/robot/ready",
        "std_msgs/msg/Bool",
        lambda message: ready.append(message.data),  # type: ignore[attr-defined]  # a Bool
        qos=LATCHED,
    )
    ear = RewardEar(transport, f"/{NODE}/reward")
    commands.start("serve", words.serve)
    commands.start("simulate", words.simulate)
    commands.wait_until(lambda: _answers(port), "The reward service", limit=_START)
    commands.start("node", words.node)
    commands.wait_until(lambda: ready and ready[-1], "The simulated robot", limit=_START)
    commands.wait_until(lambda: ear.heard, "The reward node", limit=_START)
    return ear


def _train(commands: ChildCommands, config: RosDemoConfig, words: DemoWords) -> None:
    began = time.monotonic()

    def said() -> str:
        return progress(words.run, seconds=time.monotonic() - began, steps=config.steps)

    with StatusLine(quiet=config.quiet) as line:
        commands.start("train", words.train)
        commands.finish("train", lambda: line.show(said()))
        line.show(said(), last=True)


def _play(commands: ChildCommands, words: DemoWords) -> None:
    """Let the agent play while everything is recorded; its table goes to standard output."""
    commands.start("record", words.record)
    part = words.bag.with_name(f"{words.bag.name}.part") / f"{words.bag.name}.part.mcap"
    commands.wait_until(
        lambda: part.exists() and part.stat().st_size > 1_000_000, "The recorder", limit=_START
    )
    commands.start("evaluate", words.evaluate, shown=True)
    commands.finish("evaluate")
    commands.end("record")


def progress(run: Path, *, seconds: float, steps: int) -> str:
    """Return how training goes, by the log of episodes that it writes."""
    log = run / "episodes.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    recent = [bool(record["success"]) for record in whole[-_RECENT:]]
    said = f"{seconds:.0f} s, {whole[-1]['steps'] if whole else 0} of {steps} steps"
    if not recent:
        return f"{said}, no episode has ended"
    share = 100 * sum(recent) / len(recent)
    return f"{said}, {len(whole)} episodes, success of the last {len(recent)}: {share:.0f} %"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def check_alone(transport: DdsTransport) -> None:
    """Make sure that no real robot hears what is meant for the simulated one.

    Raises:
        ConfigError: If anybody else is in the domain.
    """
    time.sleep(_DISCOVERY)
    if transport.others:
        raise ConfigError(
            f"`domain` must be one that nobody else uses, got company: {transport.surroundings}; "
            "choose another, 0 to 232."
        )


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process for a while; its own node reads them too."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
