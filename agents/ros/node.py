"""``kibble ros node``: the reward node in a plain Python environment."""

from __future__ import annotations

import contextlib
import threading
import time

from rich.console import Console

from kibble.agents.ros.node_config import NodeConfig
from kibble.agents.ros.node_status import NodeStatus
from kibble.agents.ros.status_line import StatusLine
from kibble.agents.ros.stopping import stop_signals
from kibble.rewards.node.model_opening import open_node_model
from kibble.rewards.node.parameter_file import read_parameter_file
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.wiring import Wiring, connect
from kibble.rewards.ros.clock import SystemClock
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.topic_clock import TopicClock

__all__ = ["parameters_of", "run_node"]


def run_node(config: NodeConfig) -> None:
    """Publish rewards until Ctrl-C: the command ``kibble ros node``.

    Raises:
        ConfigError: If a setting or a parameter is not usable.
        MissingDependencyError: If the extra ``ros`` or that of the reward model is missing.
        ServiceAwayError: If no reward service answers.
        WeightsError: If the reward model is not known.
    """
    parameters = parameters_of(config)
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(stop_signals())
        model = open_node_model(parameters)
        transport = stack.enter_context(
            contextlib.closing(
                open_transport(
                    config.transport,
                    config.name,
                    namespace=config.namespace,
                    domain=config.domain,
                )
            )
        )
        clock = TopicClock(transport) if parameters.use_sim_time else SystemClock()
        node = stack.enter_context(contextlib.closing(RewardNode(parameters, model, clock)))
        wiring = stack.enter_context(
            contextlib.closing(connect(node, transport, name=full_name_of(config)))
        )
        status = NodeStatus()
        wiring.on_reward = status.take
        if not config.quiet:
            _greet(config, parameters, transport.surroundings)
        line = stack.enter_context(StatusLine(quiet=config.quiet))
        wiring.start()
        _watch(wiring, status, line, stopped, config.duration)


def parameters_of(config: NodeConfig) -> NodeParameters:
    """Return the parameters of a file with what was given beside it.

    Raises:
        ConfigError: If the file or a value is not usable.
        MissingDependencyError: If PyYAML is missing.
    """
    values: dict[str, object] = {}
    if config.params is not None:
        values = read_parameter_file(config.params, node=full_name_of(config))
    return NodeParameters.from_values(values | config.overrides)


def full_name_of(config: NodeConfig) -> str:
    """Return the node's name with its namespace."""
    return f"{'/' + config.namespace.strip('/') if config.namespace else ''}/{config.name}"


def _greet(config: NodeConfig, parameters: NodeParameters, surroundings: str) -> None:
    say = Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print
    cameras = ", ".join(f"{view} from {c.topic}" for view, c in parameters.cameras.items())
    say(f"{full_name_of(config)} ({surroundings}): {parameters.reward} reads {cameras}.")
    say(f"Rewards on {full_name_of(config)}/reward at {parameters.rate:g} Hz. Ctrl-C ends it.")


def _watch(
    wiring: Wiring,
    status: NodeStatus,
    line: StatusLine,
    stopped: threading.Event,
    duration: float | None,
) -> None:
    """Show how the node is doing until it is to stop."""
    end = time.monotonic() + (float("inf") if duration is None else duration)
    while not stopped.wait(min(1.0, max(end - time.monotonic(), 0.0))):
        if wiring.fault is not None:
            raise wiring.fault
        if time.monotonic() >= end:
            break
        line.show(status.line(missed=wiring.missed))
    line.show(status.line(missed=wiring.missed), last=True)
