from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.errors import ConfigError
from kibble.rewards.node.parameter_file import read_parameter_file
from kibble.rewards.node.parameter_table import PARAMETERS, camera_parameters
from kibble.rewards.node.parameters import NodeParameters, declared_parameters


def test_what_is_left_out_has_its_default_and_values_come_back():
    parameters = NodeParameters.from_values({})
    defaults = {p.name: p.default for p in (*PARAMETERS, *camera_parameters("front"))}
    assert parameters.values() == defaults
    assert not parameters.use_sim_time
    assert set(declared_parameters(("front", "side"))) == {
        *defaults,
        *(parameter.name for parameter in camera_parameters("side")),
    }


@given(rate=st.floats(0.1, 10.0), tolerance=st.floats(0.0001, 10.0), gamma=st.floats(0, 1))
def test_values_make_the_same_parameters_again(rate, tolerance, gamma):
    parameters = NodeParameters.from_values(
        {
            "views": ["front", "side"],
            "cameras.side.rate": 10,
            "rate": rate,
            "tolerance": tolerance,
            "gamma": gamma,
        }
    )
    assert NodeParameters.from_values(parameters.values()) == parameters
    assert parameters.cameras["side"].rate == 10.0


@pytest.mark.parametrize("parameter", [*PARAMETERS, *camera_parameters("front")])
def test_every_default_is_allowed_and_every_number_has_a_range(parameter):
    assert parameter.checked(parameter.default) == parameter.default
    assert parameter.meaning.endswith(".")
    if parameter.kind == "double":
        assert parameter.low < parameter.high
        for value in (parameter.low - 1e-6, parameter.high * 1.001, float("nan"), "1", True):
            with pytest.raises(ConfigError, match=rf"`{parameter.name}` must be a number in \["):
                parameter.checked(value)
        assert parameter.checked(parameter.low) == parameter.low


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"tolerance": 0}, r"`tolerance` must be a number in \[0.0001, 10\] s, got 0."),
        ({"rate": 31}, r"`rate` must lie in \[0.1, 30\] Hz, the rate of camera 'front', got 31;"),
        (
            {"rate": 10, "cameras.front.rate": 5.0},
            r"`rate` must lie in \[0.1, 5\] Hz, the rate of camera 'front', got 10;",
        ),
        ({"rates": 5}, r"Parameters must be known, got `rates`; did you mean 'rate'\?"),
        (
            {"cameras.frnt.topic": "/a"},
            r"`cameras.frnt.topic` must belong to one of `views`, front, got view 'frnt'; did",
        ),
        ({"cameras.front.topik": "/a"}, "got `cameras.front.topik`; did you mean"),
        ({"views": []}, "`views` must name at least one view"),
        ({"views": ["front", "front"]}, "each once"),
        ({"views": ["a view"]}, "`views` must hold names of letters, digits and _"),
        ({"views": "front"}, "`views` must be a list of texts, got 'front'"),
        ({"cameras.front.topic": "image"}, "must be an absolute topic, got 'image'; write /image"),
        ({"cameras.front.transport": "theora"}, "must be one of raw, compressed, got 'theora'"),
        ({"shaping": "potentail"}, "`shaping` must be one of potential, difference"),
        ({"auto_start": 1}, "`auto_start` must be true or false, got 1"),
        ({"auto_start": True}, "`instruction` must say the task where `auto_start` is true"),
        ({"use_sim_time": "yes"}, "`use_sim_time` must be true or false, got 'yes'"),
        ({"gamma": 99}, r"`gamma` must be a number in \[0, 1\], got 99"),
    ],
)
def test_bad_parameters_are_refused_with_name_range_and_value(values, text):
    with pytest.raises(ConfigError, match=text):
        NodeParameters.from_values(values)


def test_only_what_may_change_is_changed():
    parameters = NodeParameters.from_values({"use_sim_time": True})
    changed = parameters.changed({"rate": 5, "gamma": 0.99})  # the latter is what it was
    assert (changed.rate, changed.use_sim_time) == (5.0, True)
    fixed = [p.name for p in declared_parameters(("front",)).values() if not p.changeable]
    assert "reward" in fixed
    with pytest.raises(ConfigError, match="`reward` cannot be changed while the node"):
        parameters.changed({"reward": "grm_tiny"})
    with pytest.raises(ConfigError, match="got `nothing`"):
        parameters.changed({"nothing": 1})


FILE = """
/**:
  ros__parameters:
    rate: 5
    use_sim_time: true
    cameras:
      front: {topic: /a, transport: compressed}
/lab/reward_node:
  ros__parameters: {deadline: 0.25, cameras.front.rate: 15.0}
other_node:
  ros__parameters: {deadline: 9.0}
"""


def test_a_parameter_file_is_read_as_ros_reads_it(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(FILE)
    values = read_parameter_file(path, node="/lab/reward_node")
    parameters = NodeParameters.from_values(values)
    assert (parameters.rate, parameters.deadline, parameters.use_sim_time) == (5.0, 0.25, True)
    assert parameters.cameras["front"].topic == "/a"
    assert parameters.cameras["front"].rate == 15.0
    assert read_parameter_file(path, node="/other_node")["deadline"] == 9.0
    assert "deadline" not in read_parameter_file(path, node="/reward_node")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate: 5\n", "section 'rate' without `ros__parameters:`"),
        ("- 1\n", "must be a ROS parameter file, got no sections"),
        ("", "got no sections"),
        ("{", "must be a YAML file"),
        ("/**:\n  ros__parameters: {cameras: {1: {topic: /a}}}\n", "the name cameras.1, which is"),
        ("other:\n  ros__parameters: {}\n", "must have a section for /reward_node, got other"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_write(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_parameter_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"must be a file that can be read, got .*none\.yaml"):
        read_parameter_file(tmp_path / "none.yaml")
