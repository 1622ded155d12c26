"""A run is told where its shaping punishes success."""

from __future__ import annotations

import pytest
from tests.agents.small_runs import ORACLE, small_run

from kibble.agents.config import RewardConfig, ShapingConfig
from kibble.agents.success_check import success_warning
from kibble.agents.train import run_training

BONUS = {"name": "success_bonus", "value": 4.5}


@pytest.mark.parametrize(
    ("shaping", "reward"),
    [
        (ShapingConfig(), ORACLE),
        (ShapingConfig(scale=5.0, shift=-1.0), ORACLE),
        (ShapingConfig(scale=5.0, shift=0.0, mode="difference"), ORACLE),
        (ShapingConfig(scale=5.0, shift=0.0, transforms=[BONUS]), ORACLE),
        (ShapingConfig(scale=5.0, shift=0.0), RewardConfig()),
    ],
    ids=["default", "shifted", "difference", "bonus", "sparse"],
)
def test_nothing_is_said_where_success_pays(tmp_path, shaping, reward):
    assert success_warning(small_run(tmp_path, shaping=shaping, reward=reward)) is None


def test_the_warning_names_both_remedies(tmp_path, capsys):
    shaping = ShapingConfig(scale=5.0, shift=0.0)
    run_training(small_run(tmp_path / "run", shaping=shaping, steps=20, quiet=False))
    said = capsys.readouterr().err
    assert "may pay no more than -4" in said
    assert "shaping.shift=-1" in said
    assert "{name: success_bonus, value: 4.5}" in said
