"""Reward models by reference."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.tiny_grm import tiny_network

from kibble.rewards.catalogue import known_models, open_model
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.loading import available, save


def test_every_shipped_model_has_a_card():
    assert set(available()) <= set(known_models())


def test_directories_and_options_reach_the_embedded_model(tmp_path):
    directory = tmp_path / "mine"
    save(tiny_network(), directory, name="mine")
    by_path = open_model(str(directory))
    by_name = open_model(f"grm_tiny@{directory}?reading=mean&missing_view=flag")
    assert by_path.spec.version == by_name.spec.version
    with pytest.raises(ConfigError, match="`missing_view` must be learned or flag, got 'guess'"):
        open_model(f"{directory}?missing_view=guess")


def test_baselines_take_options_and_no_weights():
    assert open_model("time_counter?horizon=7&views=left").spec.views == ("left",)
    assert open_model("random", views=("a", "b")).spec.views == ("a", "b")
    with pytest.raises(ConfigError, match="`horizon` of time_counter must be a whole number"):
        open_model("time_counter?horizon=soon")
    with pytest.raises(ConfigError, match="Baseline random has no weights, got 'x'"):
        open_model("random@x")


def test_weights_of_an_unknown_name_are_not_a_path(tmp_path):
    with pytest.raises(WeightsError, match="known name or a directory of weights, got 'nonesuch'"):
        open_model(f"nonesuch@{tmp_path}")


def test_the_catalogue_needs_no_torch():
    code = (
        "import sys, kibble.rewards.catalogue\n"
        "heavy = {'torch', 'transformers', 'open_clip', 'gymnasium', 'hydra'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
