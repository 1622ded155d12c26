"""The parameter files that are installed beside the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from kibble.rewards import open_model
from kibble.rewards.node.parameter_file import read_parameter_file
from kibble.rewards.node.parameters import NodeParameters

_PARAMS = Path(__file__).parents[2] / "ros" / "kibble_ros" / "params"


@pytest.mark.parametrize(
    ("name", "views"), [("one_camera", ("front",)), ("two_cameras", ("front", "wrist"))]
)
def test_a_file_is_what_the_node_takes(name: str, views: tuple[str, ...]) -> None:
    parameters = NodeParameters.from_values(read_parameter_file(_PARAMS / f"{name}.yaml"))
    assert parameters.views == views
    parameters.check_model(open_model("grm_tiny").spec)


def test_every_file_has_a_launch_file() -> None:
    launches = {
        path.name.removesuffix(".launch.py") for path in _PARAMS.parent.glob("launch/*.py")
    }
    assert launches == {path.stem for path in _PARAMS.glob("*.yaml")}
