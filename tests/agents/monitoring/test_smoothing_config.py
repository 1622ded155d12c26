"""Smoothing by config reaches the potential that pays the agent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.agents.small_runs import small_run
from tests.reward_models import CentroidModel

from kibble.agents.config import RewardConfig, ShapingConfig
from kibble.agents.shaping_layer import build_shaper
from kibble.rewards import Frames, Task
from kibble.rewards.errors import ConfigError


def dot(column: int) -> Frames:
    image = np.zeros((1, 8, 32, 3), np.uint8)
    image[:, :, column] = 255
    return {"front": image}


def test_progress_is_smoothed_before_it_is_paid(tmp_path: Path):
    config = small_run(
        tmp_path,
        reward=RewardConfig(name="dot", kind="model", weights="dot"),
        shaping=ShapingConfig(smoothing="ema", smoothing_lag=3.0, shift=0.0),
    )
    shaper = build_shaper(config, CentroidModel(), 1)
    shaper.begin({0: (Task(instruction="go right"), dot(0))})
    shaper.potential.update({0: dot(31)})
    assert shaper.potential.phi[0] == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smoothing": "medain"}, "did you mean 'median'"),
        ({"smoothing_lag": -1.0}, "`shaping.smoothing_lag` must be 0 or more, got -1.0"),
        ({"smoothing_band": np.nan}, "`shaping.smoothing_band` must be 0 or more, got nan"),
        (
            {"smoothing": "median", "smoothing_lag": 1.5},
            "`shaping.smoothing_lag` must be whole for a median, got 1.5",
        ),
    ],
)
def test_smoothing_out_of_range_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        ShapingConfig(**options)
