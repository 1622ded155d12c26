"""Weights of keypoint networks: kept, found, and refused by name."""

from __future__ import annotations

import json

import pytest
import torch
from tests.keypoint_toy import saved, toy_network

from kibble.rewards.errors import WeightsError
from kibble.rewards.keypoints.embedded.loading import available, load_network, save_network
from kibble.rewards.weight_files import CONFIG_FILE, WEIGHTS_FILE


def test_what_is_saved_is_loaded(tmp_path):
    network = toy_network(seed=3)
    save_network(network, tmp_path, name="mine")
    name, loaded, version = load_network(tmp_path)
    assert name == "mine"
    assert loaded.config == network.config
    assert len(version) == 16
    for key, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value, rtol=0, atol=0)
    assert load_network(tmp_path / WEIGHTS_FILE)[2] == version


def test_the_fingerprint_is_of_the_weights(tmp_path):
    one, other = saved(tmp_path / "a", seed=0), saved(tmp_path / "b", seed=1)
    assert load_network(one)[2] != load_network(other)[2]


def test_the_shipped_network_is_small_and_knows_every_task_s_plan():
    assert available() == ("keypoint_tiny",)
    name, network, _ = load_network()
    assert name == "keypoint_tiny"
    tensors = network.state_dict().values()
    assert sum(tensor.numel() * tensor.element_size() for tensor in tensors) <= 4_000_000
    assert [plan.name for plan in network.config.plans] == [
        "reach",
        "push",
        "pick_place",
        "drawer_open",
        "drawer_close",
        "peg_insert",
        "stack",
    ]


def test_an_unknown_name_suggests_a_known_one():
    with pytest.raises(WeightsError, match="did you mean 'keypoint_tiny'"):
        load_network("keypoints_tiny")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(WeightsError, match=f"needs {CONFIG_FILE}, got none"):
        load_network(tmp_path)
    directory = saved(tmp_path)
    (directory / WEIGHTS_FILE).unlink()
    with pytest.raises(WeightsError, match=f"need {WEIGHTS_FILE}"):
        load_network(directory)


def test_damaged_weights_are_refused(tmp_path):
    directory = saved(tmp_path)
    whole = (directory / WEIGHTS_FILE).read_bytes()
    (directory / WEIGHTS_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="must be a whole safetensors file"):
        load_network(directory)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    network = toy_network()
    with torch.no_grad():
        network.positions[0, 0] = torch.nan
    save_network(network, tmp_path, name="bad")
    with pytest.raises(WeightsError, match="must be finite"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2 instead of 1"),
        ({"network": {"colour": 1}}, "unknown keys"),
        ({"network": {"features": 24}}, "must fit config.json"),
        ({"network": {"plans": [{"name": "x"}]}}, "KeyError: 'waypoints'"),
        ({"network": {"plans": []}}, "no plans"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tmp_path, change, message):
    directory = saved(tmp_path)
    document = json.loads((directory / CONFIG_FILE).read_text())
    document["network"].update(change.get("network", {}))
    document.update({key: value for key, value in change.items() if key != "network"})
    (directory / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(WeightsError, match=message):
        load_network(directory)
