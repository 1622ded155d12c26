"""Settings of ``kibble adapt``."""

from __future__ import annotations

import pytest

from kibble.agents.adapt.config import AdaptConfig
from kibble.rewards.errors import ConfigError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"demo": "???"}, r"`demo` must name a recording .* write demo=close.mp4"),
        ({"demo": []}, "`demo` must name a recording"),
        ({"demo": 3}, "`demo` must name a recording of the task being done, got 3"),
        ({"out": "???"}, "`out` must name a directory for the adapted weights"),
        ({"instruction": "?!"}, r"must say in words what is done, got '\?!'"),
        ({"also": ["shut it", ""]}, "must say in words what is done, got ''"),
        ({"episode": -1}, "`episode` must be 0 or more, got -1"),
        ({"replay": -1}, "`replay` must be 0 or more"),
        ({"steps": 0}, "`steps` must be 1 or more"),
        ({"copies": 0}, "`copies` must be 1 or more"),
        ({"threads": 0}, "`threads` must be 1 or more"),
        ({"learning_rate": 0.0}, r"`learning_rate` must lie in \(0, 1\), got 0.0; try 1e-3"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ConfigError, match=message):
        AdaptConfig(**{"demo": "close.mp4", "out": "models/close", **change})


def test_one_recording_or_several():
    assert AdaptConfig(demo="a.mp4", out="m").recordings == ("a.mp4",)
    assert AdaptConfig(demo=["a.mp4", "b.mp4"], out="m").recordings == ("a.mp4", "b.mp4")
