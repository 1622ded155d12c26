"""The tables of kibble_ros' README are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.memory_transport import MemoryGraph

from kibble.rewards import open_model
from kibble.rewards.node.parameter import Parameter
from kibble.rewards.node.parameter_table import PARAMETERS, camera_parameters
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.wiring import connect
from kibble.rewards.ros.clock import SystemClock

_README = (Path(__file__).parents[2] / "ros" / "kibble_ros" / "README.md").read_text()


def _row(parameter: Parameter) -> str:
    default = parameter.default
    if isinstance(default, tuple):
        default = ", ".join(default)
    elif isinstance(default, bool):
        default = str(default).lower()
    elif isinstance(default, float):
        default = f"{default:g}"
    cells = (
        f"`{parameter.name}`",
        parameter.kind,
        default and f"`{default}`",
        parameter.allowed.removesuffix(f" {parameter.unit}"),
        parameter.unit,
        "yes" if parameter.changeable else "no",
        parameter.meaning,
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize(
    "parameter", [*PARAMETERS, *camera_parameters("<view>")], ids=lambda p: p.name
)
def test_a_parameter_has_its_row(parameter: Parameter) -> None:
    assert _row(parameter) in _README.splitlines()


def test_no_row_is_of_a_parameter_that_is_gone() -> None:
    table = _README.partition("## Parameters")[2].partition("## The transport")[0]
    rows = re.findall(r"^\| `([\w.<>]+)` \|", table, re.MULTILINE)
    assert rows == [p.name for p in (*PARAMETERS, *camera_parameters("<view>"))]


def test_topics_and_services_are_those_that_the_node_has() -> None:
    graph = MemoryGraph()
    parameters = NodeParameters.from_values({"reward": "time_counter?horizon=10"})
    model = open_model(parameters.reward, views=parameters.views)
    transport = graph.open("reward_node")
    node = RewardNode(parameters, model, SystemClock())
    wiring = connect(node, transport, name="/reward_node")
    ends = [*graph.publishers, *graph.subscriptions]
    found = {(end.topic, end.type_name) for end in ends}
    found |= {(name, service.type_name) for name, service in graph.services.items()}
    wiring.close()
    node.close()
    rows = re.findall(r"^\| `([~/c][^`]+)` \| `(\w+/(?:msg|srv)/\w+)`", _README, re.MULTILINE)
    camera = parameters.cameras["front"].topic
    said = {
        (name.replace("~", "/reward_node").replace("cameras.<view>.topic", camera), kind)
        for name, kind in rows
    }
    assert said == found
