"""Inputs and the names of their views must match."""

from __future__ import annotations

import pytest

from kibble.agents.footage.sources import name_views, rename_views
from kibble.rewards.errors import ConfigError


@pytest.mark.parametrize(
    ("source", "views", "named"),
    [
        ("a.mp4", None, {"front": "a.mp4"}),
        (["a.mp4"], ["wrist"], {"wrist": "a.mp4"}),
        (["a.mp4", "b.mp4"], ["front", "wrist"], {"front": "a.mp4", "wrist": "b.mp4"}),
        ({"front": "a.mp4", "wrist": "b.mp4"}, None, {"front": "a.mp4", "wrist": "b.mp4"}),
    ],
)
def test_names(source, views, named) -> None:
    assert name_views(source, views) == named


@pytest.mark.parametrize(
    ("source", "views", "message"),
    [
        (["a", "b"], None, r"got 2 inputs \(a, b\) and 0 views \(none\)"),
        (["a", "b"], ["front"], r"got 2 inputs \(a, b\) and 1 views \(front\)"),
        ("a", ["front", "wrist"], "got 1 inputs"),
        (["a", "b"], ["front", "front"], "different names, got front, front"),
        ({"front": "a"}, ["front"], r"must be left out .* got views=\[front\]"),
        (["a"], {"front": "cam"}, "must be a list of names .* got {front: cam}"),
        ([], None, "at least one path, got an empty list"),
        ({}, None, "at least one path, got an empty mapping"),
    ],
)
def test_mismatches(source, views, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        name_views(source, views)


def test_views_of_a_recording_are_chosen_and_renamed() -> None:
    found = ["cam_high", "cam_low"]
    assert rename_views(found, None, where="d") == {"cam_high": "cam_high", "cam_low": "cam_low"}
    assert rename_views(found, ["cam_low"], where="d") == {"cam_low": "cam_low"}
    assert rename_views(found, {"front": "cam_low"}, where="d") == {"front": "cam_low"}
    with pytest.raises(ConfigError, match="which are cam_high, cam_low, got front"):
        rename_views(found, ["front"], where="d")
    with pytest.raises(ConfigError, match=r"got none; .* 'views={front: cam_high}'"):
        rename_views(found, [], where="d")
