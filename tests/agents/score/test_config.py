"""Settings of the command say what is wrong with them."""

from __future__ import annotations

import pytest

from kibble.agents.score.config import ScoreConfig
from kibble.rewards.errors import ConfigError


def test_defaults_need_an_input_alone() -> None:
    assert ScoreConfig(input="a.mp4").reward == ["grm_tiny"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input": None}, "`input` must name a video, a folder, or several videos, got None"),
        ({"input": ""}, "`input` must name"),
        ({"input": 3}, "`input` must name .* got 3"),
        ({"views": "front"}, r"`views` must be a list .*'views=\[front\]'"),
        ({"instruction": ""}, "`instruction` must say what was wanted in words, got ''"),
        ({"instruction": "  "}, "`instruction` must say what was wanted in words"),
        ({"instruction": "?!"}, "`instruction` must say what was wanted in words, got '?"),
        ({"reward": []}, "`reward` must name at least one reward model"),
        ({"reward": ["a", "a"]}, "`reward` must name each model once"),
        ({"max_frames": 1}, "`max_frames` must be at least 2, got 1"),
        ({"fps": 0.0}, r"`fps` must lie in \(0, 1000\], got 0.0"),
        ({"threads": 0}, "`threads` must be at least 1, got 0"),
    ],
)
def test_values_out_of_range(settings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScoreConfig(**{"input": "a.mp4", **settings})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": "a.mp4"}, "`input` must be left out with `collection`, got 'a.mp4'"),
        ({"collection": []}, r"`collection` must name recordings, got \[\]"),
        ({"collection": 3}, "`collection` must name recordings, got 3"),
        ({"episode": 2}, "`episode` must be left out with `collection`, got 2"),
        ({"workers": -1}, "`workers` and `gpus` must be 0 or more, got -1 and 0.0"),
        ({"gpus": -0.5}, "`workers` and `gpus` must be 0 or more"),
    ],
)
def test_settings_of_a_collection_that_cannot_be_meant(changes, message):
    with pytest.raises(ConfigError, match=message):
        ScoreConfig(**{"collection": "videos/*.mp4", **changes})
