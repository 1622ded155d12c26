"""Weights by name and path, and what is wrong with those that cannot be loaded."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save_file
from tests.tiny_grm import noise_frames, saved

from kibble.rewards import Task
from kibble.rewards.errors import WeightsError
from kibble.rewards.loading import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    available,
    load,
    load_network,
    save,
)


def test_a_directory_or_a_file_in_it_loads(tmp_path):
    directory = saved(tmp_path)
    versions = {
        load(path).spec.version
        for path in (directory, str(directory), directory / WEIGHTS_FILE, directory / CONFIG_FILE)
    }
    assert len(versions) == 1
    assert load(directory).spec.name == "tiny"


def test_the_version_is_that_of_the_weights(tmp_path):
    first = load(saved(tmp_path / "a", seed=0)).spec.version
    assert load(saved(tmp_path / "b", seed=0)).spec.version == first
    assert load(saved(tmp_path / "c", seed=1)).spec.version != first


def test_the_device_is_the_one_given(tmp_path):
    model = load(saved(tmp_path), device=torch.device("cpu"))
    episode = model.begin(Task(instruction="push"), noise_frames(1))
    tensors = [value for value in episode.memory.values() if isinstance(value, torch.Tensor)]
    assert tensors
    assert all(tensor.device.type == "cpu" for tensor in tensors)


def test_an_unknown_name_is_answered_with_known_ones():
    assert "grm_tiny" in available()
    with pytest.raises(WeightsError, match=r"got 'grm_tinny'; did you mean 'grm_tiny'\?"):
        load("grm_tinny")
    with pytest.raises(WeightsError, match=r"got 'zzz'; known names: .*grm_tiny"):
        load("zzz")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"needs config\.json, got none"):
        load(tmp_path)
    (saved(tmp_path) / WEIGHTS_FILE).unlink()
    with pytest.raises(WeightsError, match=r"need model\.safetensors beside config\.json"):
        load(tmp_path)


def test_damaged_weights_are_refused(tmp_path):
    path = saved(tmp_path) / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"must be a whole safetensors file"):
        load(tmp_path)
    path.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match=r"must be a whole safetensors file, got 11 bytes"):
        load(tmp_path)


def test_weights_that_do_not_fit_are_refused(tmp_path):
    path = saved(tmp_path) / WEIGHTS_FILE
    tensors = parse_tensors(path.read_bytes())  # no map of a file that is written again
    name = next(iter(tensors))
    save_file({key: value for key, value in tensors.items() if key != name}, path)
    with pytest.raises(WeightsError, match=r"must fit config\.json, got a mismatch"):
        load(tmp_path)
    tensors["fuse_text.bias"][0] = float("nan")
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"NaN or infinity in 'fuse_text\.bias'"):
        load(tmp_path)


def change(document):
    document["network"]["widht"] = 3


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda d: d.update(format=2), "format 2 instead of 1"),
        (lambda d: d.pop("name"), "KeyError"),
        (change, r"unknown keys \['widht'\]"),
        (lambda d: d["network"].pop("views"), "TypeError"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path, edit, reason):
    path = saved(tmp_path) / CONFIG_FILE
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    with pytest.raises(WeightsError, match=f"must describe a reward model, got .*{reason}"):
        load(tmp_path)


def test_a_configuration_that_is_no_json_is_refused(tmp_path):
    (saved(tmp_path) / CONFIG_FILE).write_text("{")
    with pytest.raises(WeightsError, match="must describe a reward model"):
        load(tmp_path)


def test_a_network_can_be_trained_further(tmp_path):
    network = load_network(saved(tmp_path))
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    save(network, tmp_path / "again", name="tiny")
    assert load(tmp_path / "again").spec.version == load(tmp_path).spec.version
