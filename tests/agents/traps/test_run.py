"""The command: trained through the real layers, judged, written, drawn."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from kibble.agents.traps.config import MODES, NAMES, TrapsConfig
from kibble.agents.traps.results import failing, markdown, short_of_optimum
from kibble.agents.traps.run import run_traps, traps
from kibble.agents.traps.training import train_in_trap
from kibble.envs.traps import TRAPS
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.shaping import ShapingMode


def test_the_names_of_the_settings_are_those_of_the_traps_and_modes():
    assert set(NAMES) == set(TRAPS)
    assert set(MODES) == {mode.value for mode in ShapingMode}


@pytest.mark.slow
def test_absolute_farms_the_lamps_and_potential_does_not(tmp_path, capsys):
    out = tmp_path / "out"
    config = TrapsConfig(
        traps=["lamps"],
        modes=["absolute", "potential"],
        seeds=[0],
        steps=10_240,
        jobs=1,
        out=str(out),
    )
    traps(config)
    report = json.loads((out / "traps.json").read_text())
    found = report["traps"]["lamps"]["modes"]
    assert found["absolute"]["success"] < 0.05
    assert found["potential"]["success"] > 0.98
    assert found["absolute"]["model_reward"] > 5.0 * found["potential"]["model_reward"]
    assert report["summary"]["absolute"]["fails_in"] == ["lamps"]
    assert report["summary"]["potential"]["success_points_below_optimum_at_worst"] < 2.0
    assert report["settings"]["steps"] == 10_240
    table = (out / "traps.md").read_text()
    assert "| lamps | takes light for progress | 100 | 0 (0) | 100 (100) |" in table
    with Image.open(out / "traps.png") as picture:
        assert picture.width > 200
    assert "potential: 0.0 points short at worst; fails in nowhere" in capsys.readouterr().out
    with pytest.raises(CheckpointError, match="`out` must name a new directory"):
        traps(config)


def test_too_little_training_is_told_from_a_wrong_incentive():
    config = TrapsConfig(
        traps=["poster"], modes=["potential"], seeds=[0], steps=512, jobs=1, quiet=True
    )
    (result,) = run_traps(config)
    assert result.asked_for["potential"].success == 1.0
    assert result.success("potential") < 0.9
    assert failing([result], "potential") == ("poster",)
    assert short_of_optimum([result], "potential") > 10.0
    assert "(100)" in markdown([result])


def test_the_same_seed_learns_the_same():
    first, again = (
        train_in_trap("pad", mode="potential", seed=3, steps=1024, shift=0.0) for _ in range(2)
    )
    assert (first == again).all()
    assert (first.sum(axis=1) == 1.0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"traps": ["lamp"]}, "`traps` must be .* 'lamp'"),
        ({"modes": ["potential", "potential"]}, "`modes` must name each of some once"),
        ({"traps": []}, "`traps` must name each of some once"),
        ({"seeds": []}, "`seeds` must hold at least one seed"),
        ({"steps": 0}, "`steps` must be at least 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrapsConfig(**settings)


def test_a_budget_below_one_rollout_is_refused():
    with pytest.raises(ConfigError, match="`steps` must allow one rollout of 512 steps"):
        train_in_trap("pad", mode="none", seed=0, steps=100, shift=0.0)
